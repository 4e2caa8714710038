ALTER TABLE notification ADD COLUMN channel {bigint} NOT NULL DEFAULT 1;
ALTER TABLE notification ADD COLUMN side {bigint} NOT NULL DEFAULT 0;
ALTER TABLE notification ADD COLUMN round {bigint} NOT NULL DEFAULT 0;
ALTER TABLE notification ADD COLUMN round_over {bool} NOT NULL DEFAULT FALSE;
ALTER TABLE notification ADD COLUMN next_round_time {bigint};
ALTER TABLE send_attempt ADD COLUMN end_time {bigint};
ALTER TABLE send_attempt ADD COLUMN evidence {text} NOT NULL DEFAULT '';
ALTER TABLE send_attempt ADD COLUMN from_copy {bool} NOT NULL DEFAULT FALSE;
ALTER TABLE send_attempt ADD COLUMN possible_duplicate {bool} NOT NULL DEFAULT FALSE;
CREATE TABLE call (
  id {text} PRIMARY KEY,
  notification {text} NOT NULL,
  number {bigint} NOT NULL,
  round {bigint} NOT NULL,
  client {text} NOT NULL,
  case_name {text} NOT NULL,
  side {bigint} NOT NULL,
  person {text} NOT NULL,
  stands_in_for {text} NOT NULL,
  provider {text} NOT NULL,
  permit {text} NOT NULL,
  policy_version {bigint} NOT NULL,
  from_copy {bool} NOT NULL,
  possible_duplicate {bool} NOT NULL,
  key_owner {text} NOT NULL,
  phone {bytes} NOT NULL,
  phone_index {text} NOT NULL,
  script {bytes} NOT NULL,
  claim_time {bigint} NOT NULL,
  claim_end_time {bigint} NOT NULL,
  state {bigint} NOT NULL,
  reason {text} NOT NULL,
  answered_by {bigint} NOT NULL,
  sequence {bigint} NOT NULL,
  receipt {text} NOT NULL,
  deadline {bigint},
  key_press_time {bigint},
  end_time {bigint},
  UNIQUE (notification, number)
);
CREATE INDEX call_newest ON call (claim_time DESC, id DESC);
CREATE INDEX call_of_client ON call (client, claim_time DESC, id DESC);
CREATE INDEX call_of_case ON call (case_name, claim_time DESC, id DESC);
CREATE TABLE incident_party (
  owner {text} PRIMARY KEY,
  key_owner {text} NOT NULL,
  revision {bigint} NOT NULL,
  policy_version {bigint} NOT NULL,
  body {bytes} NOT NULL
);
