-- What people are found by. `folded` is name, number and e-mail without case and accents; `keys` are hashes of the
-- tenant with each pair of neighbouring characters in it (and with each single one of scripts without an alphabet), so
-- that parts of two Chinese characters are found, which trigrams cannot, and one tenant's search reads no other's keys.
create table employee_search (
  tenant uuid not null,
  employee_id uuid not null,
  folded text not null,
  keys int[] not null,
  primary key (tenant, employee_id),
  foreign key (tenant, employee_id) references employee (tenant, id) on delete cascade
);
create index employee_search_keys on employee_search using gin (keys);
alter table employee_search enable row level security, force row level security;
create policy tenant on employee_search using (tenant = app_tenant());
grant select, insert, update, delete on employee_search to {app};

-- Under row-level security only leakproof operators may use an index, and those of arrays and LIKE are not. So the
-- search runs as the owner, whom this policy lets read, and filters the tenant itself; it takes values, no SQL.
create policy search on employee_search for select to current_user using (true);
create function search_employees(patterns text[], wanted int[]) returns setof uuid
  language sql stable security definer rows 200
  set search_path = public, pg_temp
  begin atomic
    select employee_id from employee_search
    where keys @> wanted and tenant = app_tenant() and folded like all (patterns);
  end;
revoke all on function search_employees from public;
grant execute on function search_employees to {app};
