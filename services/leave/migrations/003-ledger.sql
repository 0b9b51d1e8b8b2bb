-- Amounts are whole thousandths of the type's unit (days or hours).

create table account (
  tenant uuid not null,
  id uuid not null,
  employee_id uuid not null,
  type_id uuid not null,
  -- The ledger begins with the leave year that this day lies in.
  since date not null,
  -- The sum of its entries, kept by the statement that writes those.
  balance bigint not null default 0,
  -- What the balance may not fall below: the type's overdraft, and what was booked ahead of accruals to come.
  floor bigint default 0,
  -- The last day up to which accrual, carry-over and expiry are booked.
  settled_through date,
  -- Before this day nothing is due; null: nothing ever is.
  due_on date,
  version bigint not null default 1,
  primary key (tenant, id),
  constraint account_once unique (tenant, employee_id, type_id),
  constraint account_employee foreign key (tenant, employee_id) references employee (tenant, id),
  constraint account_type foreign key (tenant, type_id) references leave_type (tenant, id),
  constraint account_not_below_floor check (balance >= floor)
  -- A run writes each row anew, and so does the account's next request: on its page that costs no index anything.
) with (fillfactor = 50);

-- What is granted together lapses together: the entitlement of a leave year, what was carried over into it, a grant.
create table lot (
  tenant uuid not null,
  id uuid not null,
  account_id uuid not null,
  origin text not null check (origin in ('entitlement', 'carry-over', 'grant', 'overdraft')),
  -- First day of the leave year that an entitlement is for or carry-over goes into; once each.
  year_from date,
  usable_from date not null,
  -- The last day on which it may be taken; null: it does not lapse.
  usable_to date,
  -- The sum of its entries, kept by the statement that writes those.
  remaining bigint not null default 0,
  -- What the periods of an entitlement that are settled are worth; caps may have booked less.
  rated bigint not null default 0,
  -- What was carried over out of it: entries with the cause carried-out.
  carried bigint not null default 0,
  -- When carry-over and expiry took what was left.
  closed_on date,
  primary key (tenant, id),
  foreign key (tenant, account_id) references account (tenant, id),
  unique (tenant, account_id, id),
  constraint lot_once unique (tenant, account_id, origin, year_from),
  check (usable_to >= usable_from),
  check ((origin in ('entitlement', 'carry-over')) = (year_from is not null))
) with (fillfactor = 50);

-- The ledger: only ever appended to. The balance of a date is the sum of the entries that take effect until then.
create table entry (
  tenant uuid not null,
  id uuid not null,
  account_id uuid not null,
  lot_id uuid not null,
  kind text not null check (kind in
    ('grant', 'accrual', 'carry-over', 'expiry', 'reservation', 'consumption', 'reversal', 'adjustment')),
  amount bigint not null,
  effective_on date not null,
  booked_at timestamptz not null,
  -- In the order of booking, also among those of one command.
  number bigint not null generated always as identity,
  -- Of reservation, consumption and their reversals; effective_on is the day of leave.
  request_id uuid,
  reverses uuid,
  -- What may happen once only: a period's accrual, a lot's transition.
  period text,
  -- Which rule or change it comes from; words, never what a person wrote.
  cause text check (cause ~ '^[a-z0-9-]+$' and length(cause) <= 60),
  primary key (tenant, id),
  -- An entry is in a lot of its own account.
  foreign key (tenant, account_id, lot_id) references lot (tenant, account_id, id),
  foreign key (tenant, reverses) references entry (tenant, id),
  check ((kind = 'reversal') = (reverses is not null)),
  check ((kind in ('reservation', 'consumption', 'reversal')) = (request_id is not null)),
  check (kind not in ('reservation', 'consumption') or amount <= 0),
  check (kind not in ('grant', 'reversal') or amount >= 0)
);
-- A period may come due once more, on another day, for what it is worth by rules or facts that have changed since.
create unique index entry_once_a_period on entry (tenant, lot_id, kind, period, effective_on)
  where period is not null;
create unique index entry_reversed_once on entry (tenant, reverses) where reverses is not null;
create index entry_by_account on entry (tenant, account_id, effective_on, number);
create index entry_by_request on entry (tenant, request_id) where request_id is not null;

-- Why somebody granted or adjusted: a person's words, which erasure removes.
create table entry_reason (
  tenant uuid not null,
  entry_id uuid not null,
  reason text not null,
  primary key (tenant, entry_id),
  foreign key (tenant, entry_id) references entry (tenant, id)
);

-- Only the deletion of the whole tenant takes entries away.
create function refuse_entry_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('app.tenant_deletion', true) = 'on' then
    return old;
  end if;
  raise exception 'entry is append-only' using errcode = 'restrict_violation';
end $$;
create trigger entry_append_only before update or delete on entry
  for each row execute function refuse_entry_change();

-- Accrual, carry-over and expiry of all employees of a tenant; after a crash it goes on behind the cursor.
create table leave_run (
  tenant uuid not null,
  id uuid not null,
  through date not null,
  state text not null check (state in ('queued', 'running', 'done')),
  -- The last employee who is done.
  cursor uuid,
  employees integer not null default 0,
  total integer not null,
  entries integer not null default 0,
  -- Accounts that could not be settled; the next run tries again.
  failed integer not null default 0,
  started_at timestamptz not null,
  version bigint not null default 1,
  primary key (tenant, id)
);
create unique index leave_run_one_at_a_time on leave_run (tenant) where state in ('queued', 'running');

alter table account enable row level security, force row level security;
alter table lot enable row level security, force row level security;
alter table entry enable row level security, force row level security;
alter table entry_reason enable row level security, force row level security;
alter table leave_run enable row level security, force row level security;
create policy tenant on account using (tenant = app_tenant());
create policy tenant on lot using (tenant = app_tenant());
create policy tenant on entry using (tenant = app_tenant());
create policy tenant on entry_reason using (tenant = app_tenant());
create policy tenant on leave_run using (tenant = app_tenant());
grant select, insert, update, delete on account, lot, leave_run to {app};
grant select, insert, delete on entry, entry_reason to {app};
