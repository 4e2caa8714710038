CREATE TABLE gate (
  name {text} PRIMARY KEY
);
INSERT INTO gate (name) VALUES ('policy');
INSERT INTO gate (name) VALUES ('staff');
CREATE TABLE staff (
  id {text} PRIMARY KEY,
  revision {bigint} NOT NULL,
  display_name {bytes} NOT NULL,
  email {bytes} NOT NULL,
  department {text} NOT NULL,
  contractor {bool} NOT NULL,
  management {bool} NOT NULL,
  intake {bool} NOT NULL,
  auditor {bool} NOT NULL,
  deputy {text} REFERENCES staff (id),
  access_expire_time {bigint},
  inactive {bool} NOT NULL,
  next_due_time {bigint},
  attempts {bigint} NOT NULL DEFAULT 0,
  set_aside_reason {text},
  create_time {bigint} NOT NULL,
  update_time {bigint} NOT NULL
);
CREATE INDEX staff_due ON staff (next_due_time) WHERE next_due_time IS NOT NULL;
CREATE INDEX staff_management ON staff (id) WHERE management AND NOT inactive;
CREATE INDEX staff_intake ON staff (id) WHERE intake AND NOT inactive;
CREATE INDEX staff_deputy ON staff (deputy) WHERE deputy IS NOT NULL;
CREATE TABLE absence (
  staff {text} NOT NULL REFERENCES staff (id),
  id {text} NOT NULL,
  start_time {bigint} NOT NULL,
  end_time {bigint} NOT NULL,
  PRIMARY KEY (staff, id)
);
CREATE INDEX absence_by_start ON absence (staff, start_time, id);
CREATE TABLE calendar (
  id {text} PRIMARY KEY,
  revision {bigint} NOT NULL,
  spec {text} NOT NULL,
  create_time {bigint} NOT NULL,
  update_time {bigint} NOT NULL
);
CREATE TABLE policy (
  version {bigint} PRIMARY KEY,
  publish_time {bigint} NOT NULL,
  firm_calendar {text} NOT NULL REFERENCES calendar (id),
  official_domain {text} NOT NULL,
  service_address {text} NOT NULL,
  authserv_id {text} NOT NULL,
  first_response_business_days {bigint} NOT NULL,
  escalation_steps {text} NOT NULL,
  confirmation_reminder {bigint} NOT NULL,
  auto_acknowledge {bool} NOT NULL
);
CREATE TABLE client (
  id {text} PRIMARY KEY,
  revision {bigint} NOT NULL,
  display_name {bytes} NOT NULL,
  calendar {text} NOT NULL REFERENCES calendar (id),
  account_manager {text} NOT NULL REFERENCES staff (id),
  create_time {bigint} NOT NULL,
  update_time {bigint} NOT NULL
);
CREATE INDEX client_by_account_manager ON client (account_manager, id);
CREATE INDEX client_by_calendar ON client (calendar, id);
CREATE TABLE engagement (
  client {text} NOT NULL REFERENCES client (id),
  id {text} NOT NULL,
  revision {bigint} NOT NULL,
  display_name {bytes} NOT NULL,
  team_lead {text} NOT NULL REFERENCES staff (id),
  create_time {bigint} NOT NULL,
  update_time {bigint} NOT NULL,
  PRIMARY KEY (client, id)
);
CREATE INDEX engagement_by_team_lead ON engagement (team_lead, client, id);
CREATE TABLE engagement_member (
  client {text} NOT NULL,
  engagement {text} NOT NULL,
  staff {text} NOT NULL REFERENCES staff (id),
  PRIMARY KEY (client, engagement, staff),
  FOREIGN KEY (client, engagement) REFERENCES engagement (client, id)
);
CREATE INDEX engagement_member_by_staff ON engagement_member (staff, client, engagement);
CREATE TABLE contact (
  client {text} NOT NULL REFERENCES client (id),
  id {text} NOT NULL,
  revision {bigint} NOT NULL,
  display_name {bytes} NOT NULL,
  email {bytes} NOT NULL,
  phone {bytes},
  confirms {bool} NOT NULL,
  inactive {bool} NOT NULL,
  create_time {bigint} NOT NULL,
  update_time {bigint} NOT NULL,
  PRIMARY KEY (client, id)
);
CREATE TABLE address (
  blind {text} PRIMARY KEY,
  person {text} NOT NULL UNIQUE
);
CREATE TABLE permit (
  id {text} PRIMARY KEY,
  notification {text} NOT NULL,
  client {text} NOT NULL,
  policy_version {bigint} NOT NULL,
  issue_time {bigint} NOT NULL,
  expire_time {bigint} NOT NULL
);
CREATE INDEX permit_by_notification ON permit (notification, issue_time);
CREATE INDEX permit_by_client ON permit (client, expire_time);
