-- What every service database has: idempotency records, event feed, audit trail.
-- The migrating role owns everything; {app} is the role that serves, {worker} the role of the job queue.

create function app_tenant() returns uuid
  language sql stable parallel safe
  -- A pooled connection is left with an empty string, not null.
  return nullif(current_setting('app.tenant', true), '')::uuid;

create table idempotency (
  tenant uuid not null,
  client text not null,
  operation text not null,
  key text not null,
  request_hash text not null,
  response text,
  created_at timestamptz not null default now(),
  primary key (tenant, client, operation, key)
);
alter table idempotency enable row level security, force row level security;
create policy tenant on idempotency using (tenant = app_tenant());
create policy expire on idempotency to {worker} using (created_at < now() - interval '24 hours');
create index idempotency_created_at on idempotency (created_at);
grant select, insert, update on idempotency to {app};
grant select, delete on idempotency to {worker};

-- Events get their position after their transaction has committed, by one sequencer at a time, which locks the
-- single row of feed. A reader that has seen position n will never meet a smaller one later.
create table feed (
  only_row boolean primary key default true check (only_row),
  incarnation uuid not null,
  -- Which database this is; another value means that it was restored or promoted: a new incarnation.
  place text not null,
  last_position bigint not null default 0
);

insert into feed (incarnation, place) values (gen_random_uuid(), '');

create table event (
  id uuid primary key,
  tenant uuid not null,
  kind text not null,
  aggregate_id text not null,
  version bigint not null,
  changed text not null,
  at timestamptz not null default now(),
  -- When it was written: of two events of one aggregate the later has the greater number, whatever the clocks say.
  number bigint not null generated always as identity,
  position bigint unique
);
create index event_unsequenced on event (number) where position is null;
grant select, insert on event to {app};
grant update (position) on event to {app};
grant select, update on feed to {app};

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;

create function refuse_event_change() returns trigger language plpgsql as $$
begin
  if old.position is null and (to_jsonb(new) - 'position') = (to_jsonb(old) - 'position') then
    return new;
  end if;
  raise exception 'event is append-only' using errcode = 'restrict_violation';
end $$;
create trigger event_append_only before update on event for each row execute function refuse_event_change();
create trigger event_kept before delete on event for each row execute function refuse_change();

create table audit (
  id uuid not null,
  tenant uuid not null,
  at timestamptz not null default now(),
  account text not null,
  client text not null,
  operation text not null,
  object text not null,
  object_id text not null,
  request_id text not null,
  primary key (tenant, id)
);
create index audit_object on audit (tenant, object, object_id, id);
alter table audit enable row level security, force row level security;
create policy tenant on audit using (tenant = app_tenant());
grant select, insert on audit to {app};
create trigger audit_append_only before update or delete on audit for each row execute function refuse_change();
create trigger audit_kept before truncate on audit execute function refuse_change();

-- Before and after hold personal values: a table of their own, which erasure empties while the entry stays.
create table audit_value (
  tenant uuid not null,
  audit_id uuid not null,
  object text not null,
  object_id text not null,
  before jsonb,
  after jsonb,
  primary key (tenant, audit_id),
  foreign key (tenant, audit_id) references audit (tenant, id)
);
create index audit_value_object on audit_value (tenant, object, object_id);
alter table audit_value enable row level security, force row level security;
create policy tenant on audit_value using (tenant = app_tenant());
grant select, insert, delete on audit_value to {app};
create trigger audit_value_append_only before update on audit_value for each row execute function refuse_change();
