ALTER TABLE contact ADD COLUMN other_phones {bytes};
ALTER TABLE contact ADD COLUMN told_of_incidents {bool} NOT NULL DEFAULT FALSE;
ALTER TABLE staff ADD COLUMN phones {bytes};
ALTER TABLE policy ADD COLUMN update_cadence {bigint} NOT NULL DEFAULT 3600000000;
ALTER TABLE policy ADD COLUMN report_within {bigint} NOT NULL DEFAULT 86400000000;
CREATE TABLE incident_parties (
  id {text} PRIMARY KEY,
  revision {bigint} NOT NULL
);
INSERT INTO incident_parties (id, revision) VALUES ('firm', 0);
