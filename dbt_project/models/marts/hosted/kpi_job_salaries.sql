-- Salaries that are equal in everything were still paid to different people: each counts.

with

salaries as (

    select * from {{ ref('stg_data_jobs__salaries') }}

),

final as (

    select
        cast(work_year as bigint) as work_year,
        cast(job_title as string) as job_title,
        cast(experience_level as string) as experience_level,
        cast(count(*) as bigint) as salaries,
        cast(sum(salary_in_usd) as decimal(18, 2)) as total_salary_usd,
        cast({{ percentile('salary_in_usd', 0.5) }} as decimal(18, 2)) as median_salary_usd,
        cast(min(salary_in_usd) as decimal(18, 2)) as lowest_salary_usd,
        cast(max(salary_in_usd) as decimal(18, 2)) as highest_salary_usd,
        cast(avg(cast(remote_ratio as double)) / 100 as double) as remote_share

    from salaries
    group by work_year, job_title, experience_level

)

select * from final
