CREATE TABLE audit_row (
  id {serial},
  recorded_time {bigint} NOT NULL,
  actor {text} NOT NULL,
  action {text} NOT NULL,
  resources {text} NOT NULL,
  outcome {bigint} NOT NULL,
  reason {text} NOT NULL,
  number {bigint}
);
CREATE INDEX audit_row_unsealed ON audit_row (id) WHERE number IS NULL;
CREATE UNIQUE INDEX audit_row_number ON audit_row (number) WHERE number IS NOT NULL;
CREATE TABLE audit_block (
  number {bigint} PRIMARY KEY,
  first_row {bigint} NOT NULL,
  last_row {bigint} NOT NULL,
  previous_hash {text} NOT NULL,
  hash {text} NOT NULL,
  sealed_time {bigint} NOT NULL
);
CREATE TABLE audit_seal (
  id {bigint} PRIMARY KEY,
  holder {text} NOT NULL,
  lease_end_time {bigint} NOT NULL,
  last_row {bigint} NOT NULL,
  last_block {bigint} NOT NULL,
  head {text} NOT NULL
);
INSERT INTO audit_seal (id, holder, lease_end_time, last_row, last_block, head) VALUES (1, '', 0, 0, 0, '');
