-- In which trace a job was asked for (W3C traceparent): its own goes on there. NULL: in none.
ALTER TABLE jobs ADD COLUMN trace TEXT;
