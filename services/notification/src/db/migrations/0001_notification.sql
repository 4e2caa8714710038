CREATE TABLE mail (
  id {text} PRIMARY KEY,
  identity {text} NOT NULL UNIQUE,
  message_index {text} NOT NULL,
  state {bigint} NOT NULL,
  kind {bigint} NOT NULL,
  sender_check {bigint} NOT NULL,
  client {text} NOT NULL,
  contact {text} NOT NULL,
  thread {text} NOT NULL,
  case_name {text} NOT NULL,
  key_owner {text} NOT NULL,
  receive_time {bigint} NOT NULL,
  receive_time_known {bool} NOT NULL,
  record_time {bigint} NOT NULL,
  sender {bytes} NOT NULL,
  subject {bytes} NOT NULL,
  message_id {bytes} NOT NULL,
  trail {bytes} NOT NULL,
  triage_reason {text} NOT NULL,
  triage_due_time {bigint},
  overdue {bool} NOT NULL,
  triage_owners {text} NOT NULL,
  triage_end_time {bigint},
  triage_ended_by {text} NOT NULL,
  dismissal {bytes},
  next_due_time {bigint},
  attempts {bigint} NOT NULL DEFAULT 0,
  set_aside_reason {text},
  revision {bigint} NOT NULL
);
CREATE INDEX mail_due ON mail (next_due_time) WHERE next_due_time IS NOT NULL;
CREATE INDEX mail_newest ON mail (receive_time DESC, id DESC);
CREATE INDEX mail_of_client ON mail (client, receive_time DESC, id DESC);
CREATE INDEX mail_in_state ON mail (state, receive_time DESC, id DESC);
CREATE INDEX mail_unidentified ON mail (message_index) WHERE state = 1;
CREATE TABLE mail_content (
  mail {text} PRIMARY KEY,
  text {bytes} NOT NULL,
  raw {bytes} NOT NULL
);
CREATE TABLE thread (
  id {text} PRIMARY KEY,
  client {text} NOT NULL,
  case_name {text} NOT NULL,
  last_contact {text} NOT NULL,
  last_mail {text} NOT NULL,
  subject {bytes} NOT NULL,
  create_time {bigint} NOT NULL
);
CREATE TABLE thread_message (
  message_index {text} NOT NULL,
  thread {text} NOT NULL,
  PRIMARY KEY (message_index, thread)
);
CREATE TABLE case_link (
  case_name {text} PRIMARY KEY,
  client {text} NOT NULL,
  engagement {text} NOT NULL,
  thread {text} NOT NULL,
  opener {text} NOT NULL,
  open_time {bigint} NOT NULL
);
CREATE INDEX case_link_of_thread ON case_link (thread, open_time);
CREATE TABLE notification (
  id {text} PRIMARY KEY,
  kind {bigint} NOT NULL,
  state {bigint} NOT NULL,
  client {text} NOT NULL,
  engagement {text} NOT NULL,
  case_name {text} NOT NULL,
  mail {text} NOT NULL,
  thread {text} NOT NULL,
  author {text} NOT NULL,
  audience {text} NOT NULL,
  facts {text} NOT NULL,
  key_owner {text} NOT NULL,
  subject {bytes},
  body {bytes},
  message_id {text} NOT NULL,
  queue_time {bigint} NOT NULL,
  hand_over_time {bigint},
  reason {text} NOT NULL,
  tries {bigint} NOT NULL,
  recipients {text} NOT NULL,
  stand_ins_for {text} NOT NULL,
  revision {bigint} NOT NULL
);
CREATE INDEX notification_newest ON notification (queue_time DESC, id DESC);
CREATE INDEX notification_of_client ON notification (client, queue_time DESC, id DESC);
CREATE INDEX notification_of_case ON notification (case_name, queue_time DESC, id DESC);
CREATE TABLE send_attempt (
  notification {text} NOT NULL,
  number {bigint} NOT NULL,
  provider {text} NOT NULL,
  permit {text} NOT NULL,
  policy_version {bigint} NOT NULL,
  recipients {text} NOT NULL,
  stand_ins_for {text} NOT NULL,
  claim_time {bigint} NOT NULL,
  claim_end_time {bigint} NOT NULL,
  outcome {text} NOT NULL,
  receipt {text} NOT NULL,
  PRIMARY KEY (notification, number)
);
CREATE TABLE policy (
  version {bigint} PRIMARY KEY,
  body {bytes} NOT NULL
);
CREATE TABLE calendar (
  name {text} PRIMARY KEY,
  revision {bigint} NOT NULL,
  body {bytes} NOT NULL
);
