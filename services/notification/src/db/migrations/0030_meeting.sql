CREATE TABLE meeting (
  id {text} PRIMARY KEY,
  client {text} NOT NULL,
  engagement {text} NOT NULL,
  case_name {text} NOT NULL,
  form {bigint} NOT NULL,
  kind {text} NOT NULL,
  host {text} NOT NULL,
  contacts {text} NOT NULL,
  start_time {bigint} NOT NULL,
  answers {bool} NOT NULL,
  state {bigint} NOT NULL,
  stage {text} NOT NULL,
  words {bytes} NOT NULL,
  policy_version {bigint} NOT NULL,
  revision {bigint} NOT NULL
);
CREATE INDEX meeting_newest ON meeting (start_time DESC, id DESC);
CREATE INDEX meeting_of_client ON meeting (client, start_time DESC, id DESC);
CREATE INDEX meeting_in_state ON meeting (state, start_time DESC, id DESC);
