ALTER TABLE client_case ADD COLUMN critical {text};
ALTER TABLE client_case ADD COLUMN update_reason {bytes};
