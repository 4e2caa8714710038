"""Writes the due times that `tests/it/reference.rs` compares with the crate's.

    pip install -r requirements.txt && python reference.py ../tests/data

Written from the prose ("Within one business day"), with zoneinfo and the package `holidays`, and on purpose not the way
the crate does it: time is a list of minutes, each with the reading that the wall clock shows in it and whether the
calendar is open. Everything is found by looking along that list; nothing here knows what a transition is.

The prose:
- Open is every minute whose reading lies in the hours of the date it shows (opening included, close not).
- Received within hours counts from then, outside them from the next open minute.
- It is due on the N-th later date that has an open minute, at the time of day shown when counting began. If the clock
  jumps over it: forward by the length of the jump. If it then is outside that date's hours: the next opening of that
  date, else its close. Of a reading shown twice: the later one.
"""

import bisect
import datetime as dt
import json
import pathlib
import random
import sys
import zoneinfo

import holidays

zoneinfo.reset_tzpath(to=[])  # the pinned PyPI tzdata, not the machine's

MINUTE = dt.timedelta(minutes=1)
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
HOLIDAY_YEARS = range(2024, 2036)
DRAWN_PER_CALENDAR = 160


def week(days, *hours):
    return [
        {"day": day, "open": span.split("-")[0], "close": span.split("-")[1]} for day in days.split() for span in hours
    ]


MON_FRI = "monday tuesday wednesday thursday friday"
SUN_THU = "sunday monday tuesday wednesday thursday"
DAILY = " ".join(WEEKDAYS)


def calendar(id, time_zone, week, holidays=(), closures=(), openings=()):
    return {
        "id": id,
        "revision": 1,
        "time_zone": time_zone,
        "week": week,
        "holidays": list(holidays),
        "closures": [{"date": date, "label": "closed"} for date in closures],
        "openings": [
            {"date": date, "open": span.split("-")[0], "close": span.split("-")[1], "label": "open"}
            for date, span in openings
        ],
    }


# Each with the first days of the stretches of time from which its rows are drawn.
CALENDARS = [
    (
        calendar(
            "london", "Europe/London", week(MON_FRI, "09:00-17:30"), ["GB-ENG"], ["2026-12-29", "2027-03-30"],
            [("2026-12-24", "09:00-12:00"), ("2026-12-26", "10:00-12:00"), ("2026-12-26", "13:00-14:00")],
        ),
        ["2024-03-20", "2026-03-16", "2026-10-12", "2026-12-14", "2027-03-18", "2031-04-01"],
    ),
    (
        calendar("new-york", "America/New_York", week(MON_FRI, "08:30-12:00", "13:00-17:00"), ["US"]),
        ["2026-02-27", "2026-06-12", "2026-10-24", "2026-11-16", "2027-12-17"],
    ),
    (
        calendar(
            "berlin", "Europe/Berlin",
            week("monday tuesday wednesday thursday", "08:00-12:00", "12:45-17:00") + week("friday", "08:00-13:00"),
            ["DE-BE"],
        ),
        ["2026-03-01", "2026-03-25", "2026-04-25", "2026-10-20", "2026-12-18"],
    ),
    (
        calendar(
            "dubai", "Asia/Dubai",
            week("monday tuesday wednesday thursday", "07:30-15:30") + week("friday", "07:30-12:00"), ["AE"],
        ),
        ["2026-03-10", "2026-05-18", "2026-11-24"],
    ),
    (
        calendar(
            "kolkata", "Asia/Kolkata", week(MON_FRI, "10:00-18:30") + week("saturday", "10:00-13:30"), ["IN"],
        ),
        ["2026-01-18", "2026-09-25", "2026-11-01"],
    ),
    (
        calendar("tokyo", "Asia/Tokyo", week(MON_FRI, "09:00-18:00"), ["JP"], ["2026-12-31"]),
        ["2026-04-22", "2026-09-12", "2026-12-20", "2029-04-23"],
    ),
    (
        calendar("tel-aviv", "Asia/Jerusalem", week(SUN_THU, "08:00-17:00"), ["IL"]),
        ["2026-03-19", "2026-09-05", "2026-10-15"],
    ),
    (
        calendar(
            "kathmandu", "Asia/Kathmandu",
            week(SUN_THU, "10:00-17:00") + week("friday", "10:00-12:00", "12:30-15:00"), ["NP"],
        ),
        ["2026-02-10", "2026-10-05", "2027-04-08"],
    ),
    (
        calendar("cairo", "Africa/Cairo", week(SUN_THU, "00:00-24:00"), ["EG"]),
        ["2026-04-15", "2026-10-20", "2027-04-20"],
    ),
    (
        calendar("apia", "Pacific/Apia", week(MON_FRI, "09:00-16:00"), ["WS"]),
        ["2011-12-22", "2026-05-28", "2026-12-20"],
    ),
    (calendar("apia-round-the-clock", "Pacific/Apia", week(DAILY, "00:00-24:00")), ["2011-12-24", "2011-09-20"]),
    (
        calendar("lord-howe", "Australia/Lord_Howe", week(DAILY, "00:00-02:15", "02:20-24:00"), ["AU-NSW"]),
        ["2026-03-28", "2026-09-28", "2027-04-01"],
    ),
    (
        calendar("london-round-the-clock", "Europe/London", week(DAILY, "00:00-24:00")),
        ["2026-03-25", "2026-10-20", "2027-03-25"],
    ),
    (
        calendar("santiago", "America/Santiago", week("sunday monday tuesday saturday", "00:00-24:00")),
        ["2026-03-30", "2026-08-31", "2027-08-30"],
    ),
    (
        calendar(
            "berlin-nights", "Europe/Berlin",
            week(DAILY, "22:00-24:00", "00:00-01:15", "01:30-02:30", "02:45-03:10"),
            openings=[("2026-10-25", "03:00-05:00"), ("2027-03-28", "02:15-02:45"), ("2028-03-26", "02:30-05:00"), ("2029-03-25", "01:00-02:30")],
        ),
        ["2026-03-24", "2026-10-20", "2027-03-23", "2028-03-20", "2029-03-20"],
    ),
    (
        calendar("nuuk", "America/Nuuk", week(DAILY, "00:00-24:00"), openings=[("2027-03-27", "20:00-23:30")]),
        ["2026-03-24", "2026-10-20", "2027-03-23"],
    ),
    (
        calendar("havana", "America/Havana", week(SUN_THU, "00:00-00:30", "00:45-24:00")),
        ["2026-03-03", "2026-10-26", "2027-03-09"],
    ),
    (
        calendar("troll", "Antarctica/Troll", week(DAILY, "00:00-01:30", "02:10-04:00", "20:00-21:00")),
        ["2026-03-24", "2026-10-20"],
    ),
    (
        calendar("casablanca", "Africa/Casablanca", week(MON_FRI, "08:00-12:00", "14:00-18:00")),
        ["2026-02-10", "2026-03-14", "2027-01-28"],
    ),
    (
        calendar("chatham", "Pacific/Chatham", week("tuesday", "10:00-12:00") + week("sunday", "02:50-13:14"), ["NZ"]),
        ["2026-03-20", "2026-09-14", "2026-12-10"],
    ),
]


def minutes_of(text):
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


class Hours:
    """Which minutes of the day are open on a date."""

    def __init__(self, spec):
        self.spec = spec
        self.free = set()
        for code in spec["holidays"]:
            country, _, subdivision = code.partition("-")
            table = holidays.country_holidays(country, subdiv=subdivision or None, years=HOLIDAY_YEARS)
            self.free |= {date for date in table if date.year in HOLIDAY_YEARS}
        self.free |= {dt.date.fromisoformat(closure["date"]) for closure in spec["closures"]}
        self.known = {}

    def on(self, date):
        if date not in self.known:
            own = [entry for entry in self.spec["openings"] if entry["date"] == date.isoformat()]
            usual = [entry for entry in self.spec["week"] if entry["day"] == WEEKDAYS[date.weekday()]]
            entries = own or ([] if date in self.free else usual)
            self.known[date] = {
                minute for entry in entries for minute in range(minutes_of(entry["open"]), minutes_of(entry["close"]))
            }
        return self.known[date]


class Stretch:
    """Some months, minute by minute."""

    def __init__(self, hours, first, days):
        zone = zoneinfo.ZoneInfo(hours.spec["time_zone"])
        self.start = dt.datetime.combine(first, dt.time(), dt.timezone.utc)
        instants = [self.start + n * MINUTE for n in range(days * 1440)]
        # The reading and nothing else: without zone and fold two readings compare as people would compare them.
        self.wall = [instant.astimezone(zone).replace(tzinfo=None, fold=0) for instant in instants]
        self.open = [wall.hour * 60 + wall.minute in hours.on(wall.date()) for wall in self.wall]
        self.last_shown = {wall: n for n, wall in enumerate(self.wall)}
        self.open_by_date = {}
        for n, wall in enumerate(self.wall):
            if self.open[n]:
                self.open_by_date.setdefault(wall.date(), []).append(n)
        self.open_dates = sorted(self.open_by_date)

    def instant(self, n, rest=dt.timedelta()):
        return self.start + n * MINUTE + rest

    def due(self, received, days):
        n, rest = divmod(received - self.start, MINUTE)
        if not self.open[n]:
            n, rest = self.open.index(True, n), dt.timedelta()
        counted_from = self.instant(n, rest)
        shown = self.wall[n]
        date = self.open_dates[bisect.bisect_right(self.open_dates, shown.date()) + days - 1]
        return counted_from, self.on_date(date, shown.time(), rest)

    def on_date(self, date, time, rest):
        reading = dt.datetime.combine(date, time)
        if reading not in self.last_shown:
            before = max(n for n in range(len(self.wall) - 1) if self.wall[n] < reading < self.wall[n + 1])
            reading += self.wall[before + 1] - self.wall[before] - MINUTE
        open_minutes = self.open_by_date[date]
        readings = sorted({self.wall[n] for n in open_minutes})
        if reading in readings:
            return self.instant(self.last_shown[reading], rest)
        later = [other for other in readings if other > reading]
        if later:
            return self.instant(self.last_shown[later[0]])
        return self.instant(self.last_shown[self.wall[open_minutes[-1] + 1]])


def received_times(draw, stretch, spread_days, count):
    """A third anywhere, a third around openings and closes, a third around changes of the clock, where there are any."""
    reach = spread_days * 1440
    edges = [n for n in range(1, reach) if stretch.open[n] != stretch.open[n - 1]]
    changes = [n for n in range(1, reach) if stretch.wall[n] - stretch.wall[n - 1] != MINUTE]
    small = [dt.timedelta(microseconds=us) for us in (-60_000_000, -1, 0, 1, 59_999_999)]
    for number in range(count):
        kind = number % 3
        if kind == 1 and edges:
            yield stretch.instant(draw.choice(edges), draw.choice(small))
        elif kind == 2 and changes:
            # A day or two before the change matters more: then the due time falls into it.
            near = draw.choice(changes) - draw.choice([0, 1440, 1440, 2880]) + draw.randrange(-150, 150)
            yield stretch.instant(min(max(near, 0), reach))
        else:
            yield stretch.instant(draw.randrange(reach), dt.timedelta(microseconds=draw.randrange(60_000_000)))


def swept_times(spec, stretch):
    """Each time of day at which anything ever opens or closes, on each date of two weeks."""
    entries = spec["week"] + spec["openings"]
    edges = {minutes_of(entry[name]) % 1440 for entry in entries for name in ("open", "close")}
    return [stretch.instant(n) for n in range(14 * 1440) if stretch.wall[n].hour * 60 + stretch.wall[n].minute in edges]


def main(folder):
    draw = random.Random(20261124)
    rows = []
    for spec, firsts in CALENDARS:
        hours = Hours(spec)
        asked = {}
        for first in firsts:
            stretch = Stretch(hours, dt.date.fromisoformat(first) - dt.timedelta(days=2), 120)
            if first == firsts[0]:
                asked |= {(received, 1): stretch for received in swept_times(spec, stretch)}
            for received in received_times(draw, stretch, 24, DRAWN_PER_CALENDAR // len(firsts)):
                asked[received, draw.choice([1, 1, 1, 1, 1, 2, 3, 5, 10])] = stretch
        mine = [(spec["id"], received, days, *stretch.due(received, days)) for (received, days), stretch in asked.items()]
        rows += sorted(mine)
    stamp = lambda time: time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with open(folder / "reference.tsv", "w") as file:
        file.write("# Written by generate/reference.py; do not edit.\n")
        file.write(f"# holidays {holidays.__version__}, tzdata {zone_release()}\n")
        file.write("# calendar, received, business days, counted from, due\n")
        for id, received, days, counted_from, due in rows:
            file.write("\t".join([id, stamp(received), str(days), stamp(counted_from), stamp(due)]) + "\n")
    with open(folder / "reference-calendars.json", "w") as file:
        json.dump([spec for spec, _ in CALENDARS], file, indent=1)
        file.write("\n")


def zone_release():
    import tzdata

    return tzdata.IANA_VERSION


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
