CREATE UNIQUE INDEX report_of_incident ON report (case_name, period) WHERE case_name <> '' AND NOT cancelled;
