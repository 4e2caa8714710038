CREATE TABLE plan (
  client {text} NOT NULL,
  engagement {text} NOT NULL,
  revision {bigint} NOT NULL,
  agreed {bytes} NOT NULL,
  create_time {bigint} NOT NULL,
  update_time {bigint} NOT NULL,
  PRIMARY KEY (client, engagement),
  FOREIGN KEY (client, engagement) REFERENCES engagement (client, id)
);
