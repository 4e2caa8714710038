ALTER TABLE mail ADD COLUMN no_automatic_answer {bool} NOT NULL DEFAULT FALSE;
CREATE INDEX notification_of_message_id ON notification (message_id);
