-- Leave must know employments and terms: a process per employee, which begins as the feed is read from its beginning.
alter table process drop constraint process_kind_check,
  add constraint process_kind_check check (kind in
    ('account', 'leave-projection', 'tenant-export', 'tenant-deletion', 'erasure'));

-- Each kind is taken for itself, so that a flood of one holds up no other.
drop index process_due;
create index process_due on process (kind, tenant, due_at) where state = 'scheduled';
