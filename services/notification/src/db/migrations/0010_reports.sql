ALTER TABLE notification ADD COLUMN report {text} NOT NULL DEFAULT '';
ALTER TABLE notification ADD COLUMN override_reason {bytes};
ALTER TABLE notification ADD COLUMN language_blocks {text} NOT NULL DEFAULT '';
