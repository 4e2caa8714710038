ALTER TABLE policy ADD COLUMN meetings {text} NOT NULL DEFAULT '{"video_providers":[],"recorded_kinds":[]}';
