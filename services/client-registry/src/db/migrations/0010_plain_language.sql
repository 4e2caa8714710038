ALTER TABLE client ADD COLUMN reading_level {bigint} NOT NULL DEFAULT 0;
ALTER TABLE client ADD COLUMN glossary {text} NOT NULL DEFAULT '[]';
ALTER TABLE policy ADD COLUMN jargon {text} NOT NULL DEFAULT '[]';
