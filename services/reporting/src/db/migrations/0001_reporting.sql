CREATE TABLE report (
  id {text} PRIMARY KEY,
  client {text} NOT NULL,
  engagement {text} NOT NULL,
  type {text} NOT NULL,
  period {text} NOT NULL,
  case_name {text} NOT NULL,
  state {text} NOT NULL,
  cancelled {bool} NOT NULL,
  body {text} NOT NULL,
  next_due_time {bigint},
  attempts {bigint} NOT NULL DEFAULT 0,
  set_aside_reason {text},
  revision {bigint} NOT NULL,
  create_time {bigint} NOT NULL,
  update_time {bigint} NOT NULL
);
CREATE UNIQUE INDEX report_of_period ON report (engagement, type, period) WHERE NOT cancelled;
CREATE INDEX report_due ON report (next_due_time) WHERE next_due_time IS NOT NULL;
CREATE INDEX report_newest ON report (create_time, id);
CREATE INDEX report_of_client ON report (client, create_time, id);
CREATE TABLE report_word (
  report {text} NOT NULL REFERENCES report (id),
  part {text} NOT NULL,
  sealed {bytes} NOT NULL,
  PRIMARY KEY (report, part)
);
CREATE TABLE schedule (
  id {text} PRIMARY KEY,
  client {text} NOT NULL,
  engagement {text} NOT NULL,
  type {text} NOT NULL,
  calendar {text} NOT NULL,
  body {text} NOT NULL,
  next_due_time {bigint},
  attempts {bigint} NOT NULL DEFAULT 0,
  set_aside_reason {text},
  revision {bigint} NOT NULL,
  create_time {bigint} NOT NULL,
  update_time {bigint} NOT NULL
);
CREATE UNIQUE INDEX schedule_of_engagement ON schedule (engagement, type);
CREATE INDEX schedule_due ON schedule (next_due_time) WHERE next_due_time IS NOT NULL;
CREATE INDEX schedule_newest ON schedule (create_time, id);
CREATE INDEX schedule_of_client ON schedule (client, create_time, id);
CREATE INDEX schedule_on_calendar ON schedule (calendar, id);
