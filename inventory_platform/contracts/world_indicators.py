"""World Economic Indicators: the World Bank's and the UN's figures of countries, as CSV.

`HDI.csv` is wide, a column for each figure and year, and lists eleven groups of countries (such as
`ZZK.WORLD`) among the countries. The dictionary that came with both is written in cp1252.
"""

from inventory_platform.contracts.base import (
    Contract,
    Integer,
    Number,
    Text,
    column,
    table,
)


class WorldBank(Contract):
    """Figures of the World Bank, by country and year; many are unknown."""

    country_code: Text = column("Country Code", "Country, ISO 3166.", str_matches=r"[A-Z]{3}$")
    year: Integer = column("Year", "Year the figures are of.", ge=1900, le=2100)
    country_name: Text = column("Country Name", "Name of the country.")
    region: Text = column("Region", "Part of the world, as the World Bank divides it.")
    income_group: Text = column("IncomeGroup", "Group of countries of like income.")
    birth_rate: Number = column(
        "Birth rate, crude (per 1,000 people)", "Births per 1,000 people.", nullable=True, ge=0
    )
    death_rate: Number = column(
        "Death rate, crude (per 1,000 people)", "Deaths per 1,000 people.", nullable=True, ge=0
    )
    electricity_kwh_per_capita: Number = column(
        "Electric power consumption (kWh per capita)",
        "Electric power used per person, in kWh.",
        nullable=True,
        ge=0,
    )
    gdp_usd: Number = column(
        "GDP (USD)", "Gross domestic product in US dollars.", nullable=True, ge=0
    )
    gdp_per_capita_usd: Number = column(
        "GDP per capita (USD)",
        "Gross domestic product per person, in US dollars.",
        nullable=True,
        ge=0,
    )
    internet_users_percent: Number = column(
        "Individuals using the Internet (% of population)",
        "People who use the internet, in percent.",
        nullable=True,
        ge=0,
        le=100,
    )
    infant_mortality: Number = column(
        "Infant mortality rate (per 1,000 live births)",
        "Children who die in their first year, per 1,000 births.",
        nullable=True,
        ge=0,
    )
    life_expectancy_years: Number = column(
        "Life expectancy at birth (years)", "Life expectancy at birth.", nullable=True, ge=0
    )
    population_density: Number = column(
        "Population density (people per sq. km of land area)",
        "People per square kilometre of land.",
        nullable=True,
        ge=0,
    )
    unemployment_percent: Number = column(
        "Unemployment (% of total labor force) (modeled ILO estimate)",
        "Share of the labour force without work, in percent, as estimated by the ILO.",
        nullable=True,
        ge=0,
        le=100,
    )

    class Config:
        metadata = table("WorldBank.csv", key=["country_code", "year"], owner="team:research")


class HumanDevelopment(Contract):
    """The UN's human development index and what it is made of; a column per figure and year."""

    iso3: Text = column("iso3", "Country, ISO 3166; with a dot, a group of countries.")
    country: Text = column("country", "Name of the country or group.")
    development_group: Text = column("hdicode", "Group by the index of 2021.", nullable=True)
    region: Text = column("region", "Region of developing countries, by the UN.", nullable=True)
    hdi_rank_2021: Integer = column("hdi_rank_2021", "Rank by the index of 2021.", nullable=True)
    hdi_1990: Number = column("hdi_1990", "Human development index, 1990.", nullable=True)
    hdi_1991: Number = column("hdi_1991", "Human development index, 1991.", nullable=True)
    hdi_1992: Number = column("hdi_1992", "Human development index, 1992.", nullable=True)
    hdi_1993: Number = column("hdi_1993", "Human development index, 1993.", nullable=True)
    hdi_1994: Number = column("hdi_1994", "Human development index, 1994.", nullable=True)
    hdi_1995: Number = column("hdi_1995", "Human development index, 1995.", nullable=True)
    hdi_1996: Number = column("hdi_1996", "Human development index, 1996.", nullable=True)
    hdi_1997: Number = column("hdi_1997", "Human development index, 1997.", nullable=True)
    hdi_1998: Number = column("hdi_1998", "Human development index, 1998.", nullable=True)
    hdi_1999: Number = column("hdi_1999", "Human development index, 1999.", nullable=True)
    hdi_2000: Number = column("hdi_2000", "Human development index, 2000.", nullable=True)
    hdi_2001: Number = column("hdi_2001", "Human development index, 2001.", nullable=True)
    hdi_2002: Number = column("hdi_2002", "Human development index, 2002.", nullable=True)
    hdi_2003: Number = column("hdi_2003", "Human development index, 2003.", nullable=True)
    hdi_2004: Number = column("hdi_2004", "Human development index, 2004.", nullable=True)
    hdi_2005: Number = column("hdi_2005", "Human development index, 2005.", nullable=True)
    hdi_2006: Number = column("hdi_2006", "Human development index, 2006.", nullable=True)
    hdi_2007: Number = column("hdi_2007", "Human development index, 2007.", nullable=True)
    hdi_2008: Number = column("hdi_2008", "Human development index, 2008.", nullable=True)
    hdi_2009: Number = column("hdi_2009", "Human development index, 2009.", nullable=True)
    hdi_2010: Number = column("hdi_2010", "Human development index, 2010.", nullable=True)
    hdi_2011: Number = column("hdi_2011", "Human development index, 2011.", nullable=True)
    hdi_2012: Number = column("hdi_2012", "Human development index, 2012.", nullable=True)
    hdi_2013: Number = column("hdi_2013", "Human development index, 2013.", nullable=True)
    hdi_2014: Number = column("hdi_2014", "Human development index, 2014.", nullable=True)
    hdi_2015: Number = column("hdi_2015", "Human development index, 2015.", nullable=True)
    hdi_2016: Number = column("hdi_2016", "Human development index, 2016.", nullable=True)
    hdi_2017: Number = column("hdi_2017", "Human development index, 2017.", nullable=True)
    hdi_2018: Number = column("hdi_2018", "Human development index, 2018.", nullable=True)
    hdi_2019: Number = column("hdi_2019", "Human development index, 2019.", nullable=True)
    hdi_2020: Number = column("hdi_2020", "Human development index, 2020.", nullable=True)
    hdi_2021: Number = column("hdi_2021", "Human development index, 2021.", nullable=True)
    le_1990: Number = column("le_1990", "Life expectancy at birth, 1990.", nullable=True)
    le_1991: Number = column("le_1991", "Life expectancy at birth, 1991.", nullable=True)
    le_1992: Number = column("le_1992", "Life expectancy at birth, 1992.", nullable=True)
    le_1993: Number = column("le_1993", "Life expectancy at birth, 1993.", nullable=True)
    le_1994: Number = column("le_1994", "Life expectancy at birth, 1994.", nullable=True)
    le_1995: Number = column("le_1995", "Life expectancy at birth, 1995.", nullable=True)
    le_1996: Number = column("le_1996", "Life expectancy at birth, 1996.", nullable=True)
    le_1997: Number = column("le_1997", "Life expectancy at birth, 1997.", nullable=True)
    le_1998: Number = column("le_1998", "Life expectancy at birth, 1998.", nullable=True)
    le_1999: Number = column("le_1999", "Life expectancy at birth, 1999.", nullable=True)
    le_2000: Number = column("le_2000", "Life expectancy at birth, 2000.", nullable=True)
    le_2001: Number = column("le_2001", "Life expectancy at birth, 2001.", nullable=True)
    le_2002: Number = column("le_2002", "Life expectancy at birth, 2002.", nullable=True)
    le_2003: Number = column("le_2003", "Life expectancy at birth, 2003.", nullable=True)
    le_2004: Number = column("le_2004", "Life expectancy at birth, 2004.", nullable=True)
    le_2005: Number = column("le_2005", "Life expectancy at birth, 2005.", nullable=True)
    le_2006: Number = column("le_2006", "Life expectancy at birth, 2006.", nullable=True)
    le_2007: Number = column("le_2007", "Life expectancy at birth, 2007.", nullable=True)
    le_2008: Number = column("le_2008", "Life expectancy at birth, 2008.", nullable=True)
    le_2009: Number = column("le_2009", "Life expectancy at birth, 2009.", nullable=True)
    le_2010: Number = column("le_2010", "Life expectancy at birth, 2010.", nullable=True)
    le_2011: Number = column("le_2011", "Life expectancy at birth, 2011.", nullable=True)
    le_2012: Number = column("le_2012", "Life expectancy at birth, 2012.", nullable=True)
    le_2013: Number = column("le_2013", "Life expectancy at birth, 2013.", nullable=True)
    le_2014: Number = column("le_2014", "Life expectancy at birth, 2014.", nullable=True)
    le_2015: Number = column("le_2015", "Life expectancy at birth, 2015.", nullable=True)
    le_2016: Number = column("le_2016", "Life expectancy at birth, 2016.", nullable=True)
    le_2017: Number = column("le_2017", "Life expectancy at birth, 2017.", nullable=True)
    le_2018: Number = column("le_2018", "Life expectancy at birth, 2018.", nullable=True)
    le_2019: Number = column("le_2019", "Life expectancy at birth, 2019.", nullable=True)
    le_2020: Number = column("le_2020", "Life expectancy at birth, 2020.", nullable=True)
    le_2021: Number = column("le_2021", "Life expectancy at birth, 2021.", nullable=True)
    eys_1990: Number = column("eys_1990", "Expected years of schooling, 1990.", nullable=True)
    eys_1991: Number = column("eys_1991", "Expected years of schooling, 1991.", nullable=True)
    eys_1992: Number = column("eys_1992", "Expected years of schooling, 1992.", nullable=True)
    eys_1993: Number = column("eys_1993", "Expected years of schooling, 1993.", nullable=True)
    eys_1994: Number = column("eys_1994", "Expected years of schooling, 1994.", nullable=True)
    eys_1995: Number = column("eys_1995", "Expected years of schooling, 1995.", nullable=True)
    eys_1996: Number = column("eys_1996", "Expected years of schooling, 1996.", nullable=True)
    eys_1997: Number = column("eys_1997", "Expected years of schooling, 1997.", nullable=True)
    eys_1998: Number = column("eys_1998", "Expected years of schooling, 1998.", nullable=True)
    eys_1999: Number = column("eys_1999", "Expected years of schooling, 1999.", nullable=True)
    eys_2000: Number = column("eys_2000", "Expected years of schooling, 2000.", nullable=True)
    eys_2001: Number = column("eys_2001", "Expected years of schooling, 2001.", nullable=True)
    eys_2002: Number = column("eys_2002", "Expected years of schooling, 2002.", nullable=True)
    eys_2003: Number = column("eys_2003", "Expected years of schooling, 2003.", nullable=True)
    eys_2004: Number = column("eys_2004", "Expected years of schooling, 2004.", nullable=True)
    eys_2005: Number = column("eys_2005", "Expected years of schooling, 2005.", nullable=True)
    eys_2006: Number = column("eys_2006", "Expected years of schooling, 2006.", nullable=True)
    eys_2007: Number = column("eys_2007", "Expected years of schooling, 2007.", nullable=True)
    eys_2008: Number = column("eys_2008", "Expected years of schooling, 2008.", nullable=True)
    eys_2009: Number = column("eys_2009", "Expected years of schooling, 2009.", nullable=True)
    eys_2010: Number = column("eys_2010", "Expected years of schooling, 2010.", nullable=True)
    eys_2011: Number = column("eys_2011", "Expected years of schooling, 2011.", nullable=True)
    eys_2012: Number = column("eys_2012", "Expected years of schooling, 2012.", nullable=True)
    eys_2013: Number = column("eys_2013", "Expected years of schooling, 2013.", nullable=True)
    eys_2014: Number = column("eys_2014", "Expected years of schooling, 2014.", nullable=True)
    eys_2015: Number = column("eys_2015", "Expected years of schooling, 2015.", nullable=True)
    eys_2016: Number = column("eys_2016", "Expected years of schooling, 2016.", nullable=True)
    eys_2017: Number = column("eys_2017", "Expected years of schooling, 2017.", nullable=True)
    eys_2018: Number = column("eys_2018", "Expected years of schooling, 2018.", nullable=True)
    eys_2019: Number = column("eys_2019", "Expected years of schooling, 2019.", nullable=True)
    eys_2020: Number = column("eys_2020", "Expected years of schooling, 2020.", nullable=True)
    eys_2021: Number = column("eys_2021", "Expected years of schooling, 2021.", nullable=True)
    mys_1990: Number = column("mys_1990", "Mean years of schooling, 1990.", nullable=True)
    mys_1991: Number = column("mys_1991", "Mean years of schooling, 1991.", nullable=True)
    mys_1992: Number = column("mys_1992", "Mean years of schooling, 1992.", nullable=True)
    mys_1993: Number = column("mys_1993", "Mean years of schooling, 1993.", nullable=True)
    mys_1994: Number = column("mys_1994", "Mean years of schooling, 1994.", nullable=True)
    mys_1995: Number = column("mys_1995", "Mean years of schooling, 1995.", nullable=True)
    mys_1996: Number = column("mys_1996", "Mean years of schooling, 1996.", nullable=True)
    mys_1997: Number = column("mys_1997", "Mean years of schooling, 1997.", nullable=True)
    mys_1998: Number = column("mys_1998", "Mean years of schooling, 1998.", nullable=True)
    mys_1999: Number = column("mys_1999", "Mean years of schooling, 1999.", nullable=True)
    mys_2000: Number = column("mys_2000", "Mean years of schooling, 2000.", nullable=True)

    class Config:
        metadata = table("HDI.csv", key=["iso3"], owner="team:research")


class Dictionary(Contract):
    """What the columns of the two tables mean, as their publisher says it."""

    table_name: Text = column("Table", "Table the column is in.")
    field_name: Text = column("Field", "Name of the column.")
    description: Text = column("Description", "What it means.")

    class Config:
        metadata = table(
            "world_indicators_data_dictionary.csv",
            key=["table_name", "field_name"],
            owner="team:research",
        )
