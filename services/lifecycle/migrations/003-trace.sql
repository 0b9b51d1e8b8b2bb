-- A step links to the trace that set the process going.
alter table process add column traceparent text;
