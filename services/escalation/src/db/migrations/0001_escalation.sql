CREATE TABLE client_case (
  id {text} PRIMARY KEY,
  client {text} NOT NULL,
  engagement {text},
  origin_mail {text},
  thread {text},
  opener {text} NOT NULL,
  last_contact {text},
  open_time {bigint} NOT NULL,
  close_time {bigint},
  kind {text} NOT NULL,
  state {text} NOT NULL,
  stage {text} NOT NULL,
  subject {bytes},
  proposal_text {bytes},
  response_reason {bytes},
  resolution_reason {bytes},
  policy_version {bigint} NOT NULL,
  epoch {bigint} NOT NULL,
  clock_client {text},
  clock_calendar {text},
  clock_revision {bigint} NOT NULL,
  clock_data {text} NOT NULL,
  next_due_time {bigint},
  attempts {bigint} NOT NULL DEFAULT 0,
  set_aside_reason {text},
  timeline_count {bigint} NOT NULL,
  timeline_head {bytes} NOT NULL,
  revision {bigint} NOT NULL,
  create_time {bigint} NOT NULL,
  update_time {bigint} NOT NULL
);
CREATE INDEX client_case_due ON client_case (next_due_time) WHERE next_due_time IS NOT NULL;
CREATE INDEX client_case_newest ON client_case (open_time, id);
CREATE INDEX client_case_of_client ON client_case (client, open_time, id);
CREATE INDEX client_case_clock ON client_case (clock_client, id) WHERE clock_client IS NOT NULL;
CREATE INDEX client_case_no_policy ON client_case (id) WHERE policy_version = 0;
CREATE TABLE timeline_entry (
  case_id {text} NOT NULL REFERENCES client_case (id),
  sequence {bigint} NOT NULL,
  entry {bytes} NOT NULL,
  content {bytes} NOT NULL,
  hash {bytes} NOT NULL,
  cause {text},
  PRIMARY KEY (case_id, sequence)
);
CREATE INDEX timeline_entry_cause ON timeline_entry (cause) WHERE cause IS NOT NULL;
CREATE TABLE case_mail (
  mail {text} PRIMARY KEY,
  case_id {text} NOT NULL REFERENCES client_case (id),
  word {bigint} NOT NULL
);
CREATE INDEX case_mail_case ON case_mail (case_id);
CREATE TABLE case_thread (
  client {text} NOT NULL,
  thread {text} NOT NULL,
  case_id {text},
  PRIMARY KEY (client, thread)
);
CREATE TABLE client_copy (
  client {text} PRIMARY KEY,
  calendar {text} NOT NULL,
  revision {bigint} NOT NULL
);
CREATE INDEX client_copy_calendar ON client_copy (calendar);
CREATE TABLE calendar_copy (
  name {text} PRIMARY KEY,
  revision {bigint} NOT NULL,
  spec {text} NOT NULL
);
CREATE TABLE policy_copy (
  version {bigint} PRIMARY KEY,
  policy {text} NOT NULL
);
