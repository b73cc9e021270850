"""Data Jobs Salaries: what people in data jobs earned, one answer to a survey per row, as CSV.

Rows have no key. Two people may have the same job, place and salary, so rows that repeat each
other are all kept: they are counted, not compared.
"""

from inventory_platform.contracts.base import (
    Contract,
    Integer,
    Text,
    column,
    table,
)


class Salaries(Contract):
    """Yearly salaries of people in data jobs, one row per person who answered."""

    work_year: Integer = column("work_year", "Year the salary was paid in.", ge=2000, le=2100)
    experience_level: Text = column(
        "experience_level",
        "EN is entry, MI intermediate, SE senior, EX executive.",
        isin=["EN", "MI", "SE", "EX"],
        raise_warning=True,
    )
    employment_type: Text = column(
        "employment_type",
        "FT is full time, PT part time, CT contract, FL freelance.",
        isin=["FT", "PT", "CT", "FL"],
        raise_warning=True,
    )
    job_title: Text = column("job_title", "What the job is called.")
    salary: Integer = column("salary", "Gross yearly salary in the currency it is paid in.", gt=0)
    salary_currency: Text = column(
        "salary_currency", "That currency, ISO 4217.", str_matches=r"[A-Z]{3}$"
    )
    salary_in_usd: Integer = column(
        "salary_in_usd", "The salary in US dollars, at the year's average rate.", gt=0
    )
    employee_residence: Text = column("employee_residence", "Where the person lives, ISO 3166.")
    remote_ratio: Integer = column(
        "remote_ratio", "Percent of the work done remotely: 0, 50 or 100.", ge=0, le=100
    )
    company_location: Text = column("company_location", "Where the employer is, ISO 3166.")
    company_size: Text = column(
        "company_size",
        "S is up to 50 people, M up to 250, L more.",
        isin=["S", "M", "L"],
        raise_warning=True,
    )

    class Config:
        metadata = table("ds_salaries_2023.csv", owner="team:research")
