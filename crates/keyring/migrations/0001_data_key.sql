CREATE TABLE data_key (
  owner {text} NOT NULL,
  purpose {text} NOT NULL,
  key_id {text} NOT NULL,
  wrapped {bytes},
  kek {text} NOT NULL,
  created_time {bigint} NOT NULL,
  legal_basis {text},
  retained_until {bigint},
  destroyed_time {bigint},
  PRIMARY KEY (owner, purpose),
  CHECK ((wrapped IS NULL) = (destroyed_time IS NOT NULL))
);
CREATE INDEX data_key_retention ON data_key (retained_until) WHERE retained_until IS NOT NULL AND destroyed_time IS NULL;
