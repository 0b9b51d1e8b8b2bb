-- Who follows the feed links what it does to the trace that the event came of.
alter table event add column traceparent text;
