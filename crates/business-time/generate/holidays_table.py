"""Writes the table of public holidays that `src/holidays.rs` reads.

    pip install -r requirements.txt && python holidays_table.py > ../src/holidays.tsv

Source: the PyPI package `holidays` (MIT licence), category "public". A day named "(estimated)" follows the moon or a
yearly announcement and may move: run this again with a newer release when one is out, at least once a year.
Codes are ISO 3166-1, with the subdivision of ISO 3166-2 where holidays differ inside the country.
"""

import sys

import holidays

YEARS = range(2024, 2036)

REGIONS = [
    "AE", "AU-NSW", "BR", "CA-ON", "DE", "DE-BE", "DE-BY", "EG", "ES", "FR", "GB-ENG", "GB-NIR", "GB-SCT", "GB-WLS",
    "IE", "IL", "IN", "JP", "NL", "NP", "NZ", "SA", "SG", "US", "US-CA", "WS", "ZA",
]


def of_region(region):
    country, _, subdivision = region.partition("-")
    return holidays.country_holidays(country, subdiv=subdivision or None, years=YEARS, language="en_US")


def main():
    tables = {region: of_region(region) for region in REGIONS}
    entries = sum(len(table) for table in tables.values())
    lines = [
        "# Written by generate/holidays_table.py from the PyPI package holidays (MIT); do not edit.",
        "# One line is a region and a year, then its days as MM-DD=name, separated by tabs.",
        f"version\t{holidays.__version__}",
        f"years\t{YEARS[0]}\t{YEARS[-1]}",
        f"entries\t{entries}",
    ]
    for region, table in tables.items():
        for year in YEARS:
            days = [f"{day:%m-%d}={name}" for day, name in sorted(table.items()) if day.year == year]
            assert not any("\t" in day or "\n" in day for day in days)
            lines.append("\t".join([region, str(year), *days]))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
