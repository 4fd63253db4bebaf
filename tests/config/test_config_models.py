from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from auzap.config import Config, parse
from auzap.config.models import Burst
from auzap.contract.channel import RateLimit
from auzap.model.errors import ConfigError
from tests.support.configs import FILE, config_of, mistakes_of, tenant_of

DAY = 86400.0


def test_what_is_not_written_has_its_default() -> None:
    config = config_of("tenants: {pet: {}}")
    worker, pet = config.worker, config.tenants["pet"]
    assert (worker.concurrency, worker.attempts, worker.rate_limit) == (5, 3, None)
    assert (worker.lease, worker.timeout, worker.drain) == (30.0, 60.0, 20.0)
    assert (worker.backoff.type, worker.backoff.delay) == ("exponential", 2.0)
    assert (config.stale_after, config.give_up_after) == (DAY, 3600.0)
    retention = config.retention
    assert (retention.inbox, retention.outbox, retention.dead) == (30 * DAY, 30 * DAY, 90 * DAY)
    assert (pet.id, pet.name, pet.timezone, pet.owners) == ("pet", "pet", "America/Sao_Paulo", ())
    assert (pet.burst, pet.groups, pet.only, pet.instances, pet.plugins) == (None, False, None, {}, {})


def test_what_is_written_is_read() -> None:
    config = config_of(
        """
worker: {concurrency: 50, attempts: 5, backoff: {type: fixed, delay: 250ms}, lease: 1m, timeout: 1m30s, drain: 0s}
stale_after: 7d
retention: {inbox: 1d}
tenants:
  0111:
    name: Pet Shop Centro
    timezone: Europe/Lisbon
    owners: ["+55 11 90000-0001", 5511900000002]
    burst: {window: 3s, max: 15s}
    groups: true
    only: []
"""
    )
    worker, pet = config.worker, config.tenants["0111"]
    assert (worker.concurrency, worker.attempts, worker.backoff.type, worker.backoff.delay) == (50, 5, "fixed", 0.25)
    assert (worker.lease, worker.timeout, worker.drain) == (60.0, 90.0, 0.0)
    assert (config.stale_after, config.retention.inbox, config.retention.dead) == (7 * DAY, DAY, 90 * DAY)
    assert (pet.name, pet.timezone, pet.groups, pet.only) == ("Pet Shop Centro", "Europe/Lisbon", True, ())
    assert pet.owners == ("+55 11 90000-0001", "5511900000002")
    assert pet.burst == Burst(window=3.0, max=15.0)


WHOLE = """
queue: sqlite:///data/queue.db           # or redis://host:6379/0
database: sqlite:///data/auzap.db
worker: {concurrency: 5, attempts: 3, backoff: {type: exponential, delay: 2s}, lease: 30s, timeout: 60s, drain: 20s,
         rate_limit: null}
stale_after: 24h
give_up_after: 1h
retention: {inbox: 30d, outbox: 30d, dead: 90d}
defaults:                                # what every tenant inherits
  timezone: America/Sao_Paulo
  plugins: {client_ai: {}}
tenants:
  abc123:                                # organizationId
    name: Pet Shop Centro
    owners: ["+55 11 90000-0001"]
    burst: null                          # or {window: 3s, max: 15s}
    only: null
    instances:
      main: {channel: baileys, url: "http://127.0.0.1:3000", token: "${BAILEYS_TOKEN}", timeout: 10s,
             rate_limit: {max: 10, per: 1s}}
    plugins:
      aurora: {}
      vendas: {use: faq, file: vendas.yaml}
tenants_from: tenants/*.yaml
"""


def test_every_key_at_once() -> None:
    config = parse(WHOLE, FILE, {"BAILEYS_TOKEN": "hush"})
    pet = config.tenants["abc123"]
    assert (config.queue, config.database.url) == ("sqlite:///data/queue.db", "sqlite:///data/auzap.db")
    assert list(pet.plugins) == ["aurora", "vendas", "client_ai"]
    assert pet.instances["main"].options.values == {
        "channel": "baileys",
        "url": "http://127.0.0.1:3000",
        "token": "hush",
        "timeout": "10s",
        "rate_limit": {"max": "10", "per": "1s"},
    }


@pytest.mark.parametrize(
    ("text", "url", "migrate"),
    [
        ("sqlite:///data/auzap.db", "sqlite:///data/auzap.db", "auto"),
        ("{url: sqlite:////data/auzap.db, migrate: manual}", "sqlite:////data/auzap.db", "manual"),
        ("postgresql://u@h/db", "postgresql://u@h/db", "manual"),
        ("{url: postgresql://u@h/db, migrate: auto}", "postgresql://u@h/db", "auto"),
        ("{url: postgres://u@h/db, migrate: null}", "postgres://u@h/db", "manual"),
    ],
)
def test_the_database_in_its_short_and_long_form(text: str, url: str, migrate: str) -> None:
    database = _parse(f"database: {text}").database
    assert (database.url, database.migrate, database.password) == (url, migrate, None)


def test_the_database_password_beside_the_url() -> None:
    database = _parse("database: {url: postgresql://u@h/db, password: 0111}").database
    assert database.password is not None
    assert database.password.get_secret_value() == "0111"
    assert database.dsn == "postgresql://u:0111@h/db"


def test_the_database_password_goes_into_the_url_so_that_it_can_be_read_again() -> None:
    text = """database: {url: "postgres://u.x:old@h:6543/db?sslmode=require", password: "p@ss:w/rd %?#"}"""
    assert _parse(text).database.dsn == "postgres://u.x:p%40ss%3Aw%2Frd%20%25%3F%23@h:6543/db?sslmode=require"
    assert _parse('database: "postgres://u:pw@h/db"').database.dsn == "postgres://u:pw@h/db"


def _parse(database: str) -> Config:
    return parse(f"queue: sqlite:///q.db\n{database}\ntenants: {{pet: {{}}}}", FILE, {})


@pytest.mark.parametrize("limit", ["null", ""])
def test_null_lifts_a_limit(limit: str) -> None:
    assert config_of(f"worker: {{rate_limit: {limit}}}\ntenants: {{pet: {{}}}}").worker.rate_limit is None


def test_a_rate_limit_of_the_worker() -> None:
    config = config_of("worker: {rate_limit: {max: 80, per: 1m}}\ntenants: {pet: {}}")
    assert config.worker.rate_limit == RateLimit(max=80, per=60.0)


@pytest.mark.parametrize(("tenants", "slots"), [("{a: {}}", 1), ("{a: {}, b: {}}", 2)])
def test_several_tenants_have_two_slots_at_least(tenants: str, slots: int) -> None:
    assert config_of(f"worker: {{concurrency: 1}}\ntenants: {tenants}").worker.concurrency == slots


def test_sections_whose_entries_are_commented_out_say_nothing() -> None:
    text = "worker:\nretention:\ndefaults:\n  plugins:\ntenants:\n  pet:\n    owners:\n    plugins:\n    instances:\n"
    config = config_of(text)
    assert config.worker.concurrency == 5
    assert config.tenants["pet"].owners == ()


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = parse("queue: sqlite:///q.db\ndatabase: sqlite:///a.db\ntenants: {a: {}}", tmp_path / "c.yaml", {})
    assert (config.path, config.base) == (tmp_path / "c.yaml", tmp_path)
    assert config_of("tenants: {a: {}}").base == Path.cwd()


def test_a_configuration_cannot_be_changed() -> None:
    config = tenant_of("    burst: {}\n")
    with pytest.raises(ValidationError):
        config.tenants["pet"].name = "other"  # type: ignore[misc]


# ------------------------------------------------------------------ mistakes: one line each

PHONE_FORM = "is no phone number; write it like +55 11 90000-0001"
DURATION_FORM = "write it like 250ms, 30s, 5m, 1h30m or 7d"
CASES = {
    "worker: {concurency: 5}": "4:10: worker.concurency: unknown key; did you mean concurrency?",
    "worker: {x: 5, backoff: {x: 1}}": "4:10: worker.x: unknown key; known here: attempts, backoff, concurrency, "
    "drain, lease, rate_limit, timeout",
    "wroker: {}": "4:1: wroker: unknown key; did you mean worker?",
    "default: {}": "4:1: default: unknown key; did you mean defaults?",
    "path: x": "4:1: path: unknown key; known here: database, defaults, give_up_after, queue, retention, stale_after, "
    "tenants, tenants_from, worker",
    "http: {port: 8080}": "4:1: http: comes with the webhooks; leave it out until then",
    "worker: {concurrency: many}": "4:23: worker.concurrency: many should be a whole number",
    "worker: {concurrency: 0}": "4:23: worker.concurrency: should be greater than or equal to 1",
    "worker: {concurrency: [5]}": "4:23: worker.concurrency: should be a whole number",
    "worker: {concurrency: null}": "4:23: worker.concurrency: should be a whole number",
    "worker: fast": "4:9: worker: should be a mapping, such as {key: value}",
    "worker: {lease: 30}": "4:17: worker.lease: a duration needs a unit: write 30s, 30m or 30h",
    "worker: {lease: 0s}": "4:17: worker.lease: should be longer than nothing, such as 1s",
    "worker: {lease: soon}": f"4:17: worker.lease: not a duration: 'soon'; {DURATION_FORM}",
    "worker: {lease: 1000000d}": "4:17: worker.lease: longer than a hundred years",
    "stale_after: null": f"4:14: stale_after: not a duration: None; {DURATION_FORM}",
    "worker: {backoff: {type: expo}}": "4:26: worker.backoff.type: expo is none of: exponential, fixed",
    "worker: {backoff: {type: exponental}}": "4:26: worker.backoff.type: exponental is none of: exponential, fixed; "
    "did you mean exponential?",
    "worker: {rate_limit: {max: 0}}": "4:28: worker.rate_limit.max: should be greater than or equal to 1",
    "retention: {inbox: 30}": "4:20: retention.inbox: a duration needs a unit: write 30s, 30m or 30h",
    "defaults: [a]": "4:11: defaults: should be a mapping of what every tenant inherits",
    "defaults: {timezone: Brazil/SaoPaulo}": "4:22: defaults.timezone: 'Brazil/SaoPaulo' is no time zone; "
    "did you mean America/Sao_Paulo?",
    "tenants_from: 'none.yaml'": "4:15: tenants_from: no such file: none.yaml",
    "tenants_from: {a: b}": "4:15: tenants_from: should be a file pattern, such as tenants/*.yaml, or a list of them",
}


@pytest.mark.parametrize("text", CASES)
def test_a_mistake_says_where_what_and_what_would_be_right(text: str) -> None:
    assert f"config.yaml:{CASES[text]}" in mistakes_of(f"{text}\ntenants: {{pet: {{}}}}\n")


TENANT_CASES = {
    "nam: Pet": "6:5: tenants.pet.nam: unknown key; did you mean name?",
    "id: pet": "6:5: tenants.pet.id: unknown key; known here: burst, groups, instances, name, only, owners, plugins, "
    "suspended, timezone, trace",
    "instance: {}": "6:5: tenants.pet.instance: unknown key; did you mean instances?",
    "name: null": "6:11: tenants.pet.name: should be text (in quotes, if it is the word true, false or null)",
    "name: [Pet]": "6:11: tenants.pet.name: should be text (in quotes, if it is the word true, false or null)",
    "timezone: Sao_Paulo": "6:15: tenants.pet.timezone: 'Sao_Paulo' is no time zone; did you mean America/Sao_Paulo?",
    "timezone: /etc/localtime": "6:15: tenants.pet.timezone: '/etc/localtime' is no time zone; "
    "write it like America/Sao_Paulo",
    "timezone: America": "6:15: tenants.pet.timezone: 'America' is no time zone; write it like America/Sao_Paulo",
    'owners: "+55 11 90000-0001"': "6:13: tenants.pet.owners: should be a list, such as [a, b]",
    "owners: [Ana]": f"6:14: tenants.pet.owners[0]: 'Ana' {PHONE_FORM}",
    "owners: ['+55 11 90000-0001', 123]": f"6:35: tenants.pet.owners[1]: '123' {PHONE_FORM}",
    "only: ['']": f"6:12: tenants.pet.only[0]: '' {PHONE_FORM}",
    "burst: {window: 5s, max: 1s}": "6:12: tenants.pet.burst: max should not be shorter than window",
    "burst: 3s": "6:12: tenants.pet.burst: should be a mapping, such as {key: value}",
    "groups: sometimes": "6:13: tenants.pet.groups: sometimes should be true or false",
    "instances: [main]": "6:16: tenants.pet.instances: should be a mapping, such as {name: {}}",
    "instances: {main: baileys}": "6:23: tenants.pet.instances.main: should be a mapping, such as {channel: baileys}",
    "instances: {main: {}}": "6:17: tenants.pet.instances.main.channel: is missing; write channel: baileys",
    "instances: {main: {channel: []}}": "6:33: tenants.pet.instances.main.channel: should be a channel's name, "
    "such as baileys",
    "instances: {a/b: {channel: demo}}": "6:17: tenants.pet.instances.a/b: not a name: write it with letters, digits, "
    "dots, dashes and underscores, a letter or digit first",
    "plugins: {echo: true}": "6:21: tenants.pet.plugins.echo: should be a mapping of the plugin's options "
    "(echo: {} for none), or false to switch it off",
    "plugins: {echo: {use: 5, use: 6}}": "6:30: tenants.pet.plugins.echo.use: the key stands twice, on line 6 and on "
    "line 6; keep one of them",
    "plugins: {echo: {use: []}}": "6:27: tenants.pet.plugins.echo.use: should be a plugin's name",
}


@pytest.mark.parametrize("text", TENANT_CASES)
def test_a_mistake_in_a_tenant_says_where_what_and_what_would_be_right(text: str) -> None:
    assert mistakes_of(f"tenants:\n  pet:\n    {text}\n") == [f"config.yaml:{TENANT_CASES[text]}"]


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("", "c.yaml:2:1: queue: is missing; write queue: sqlite:///data/queue.db"),
        ("queue:", "c.yaml:1:1: queue: is missing; write queue: sqlite:///data/queue.db"),
        ("queue: data/queue.db", "c.yaml:1:8: queue: is no URL of a queue; write it like sqlite:///data/queue.db"),
        ("database: auzap.db", "is no URL of a database; write it like sqlite:///data/auzap.db or postgresql://"),
        ("database: mysql://h/db", "database: mysql: is no database that is known here; write it like sqlite:///"),
        ("database: [a]", "database: should be a URL, or {url, password, migrate}"),
        ("database: {}", "c.yaml:1:1: database.url: is missing; write url: sqlite:///data/auzap.db"),
        ("database: {url: sqlite:///a.db, migrate: yes}", "database.migrate: yes is none of: auto, manual"),
    ],
)
def test_a_queue_or_database_that_is_none(line: str, mistake: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"{line}\ntenants: {{pet: {{}}}}", Path("c.yaml"), {})
    assert any(mistake in told for told in str(caught.value).splitlines())


def test_all_mistakes_are_told_in_the_order_of_the_file() -> None:
    lines = mistakes_of(
        "worker: {lease: 5, x: 1}\ntenants:\n  pet: {owners: [x], groups: 5}\n  b/c: {}\nstale_after: 1\n"
    )
    places = [tuple(map(int, line.split(":")[1:3])) for line in lines]
    assert len(places) == 6
    assert places == sorted(places)


def test_a_value_with_line_ends_still_makes_one_line() -> None:
    assert len(mistakes_of('tenants: {pet: {groups: "a\\nb\\u001b", "k\\ney": 1}}')) == 2
