ALTER TABLE notification ADD COLUMN possible_duplicate {bool} NOT NULL DEFAULT FALSE;
ALTER TABLE notification ADD COLUMN returned {text} NOT NULL DEFAULT '';
ALTER TABLE notification ADD COLUMN return_time {bigint};
CREATE TABLE sent_to (
  notification {text} NOT NULL,
  address_index {text} NOT NULL,
  person {text} NOT NULL,
  outcome {text} NOT NULL,
  PRIMARY KEY (notification, address_index)
);
CREATE TABLE suppression (
  id {text} PRIMARY KEY,
  client {text} NOT NULL,
  contact {text} NOT NULL,
  address_index {text} NOT NULL,
  notification {text} NOT NULL,
  reason {text} NOT NULL,
  create_time {bigint} NOT NULL,
  lift_time {bigint},
  lifted_by {text} NOT NULL,
  lift_reason {bytes},
  revision {bigint} NOT NULL
);
CREATE UNIQUE INDEX suppression_in_force ON suppression (client, address_index) WHERE lift_time IS NULL;
CREATE INDEX suppression_newest ON suppression (create_time DESC, id DESC);
CREATE INDEX suppression_of_client ON suppression (client, create_time DESC, id DESC);
