-- Why somebody dropped is one of a few words that pages know, and no longer a phrase for each way a socket ends.
update event
set detail = json_set(detail, '$.why',
        case detail ->> '$.why'
            when 'connection closed' then 'closed'
            when 'closed by the page' then 'closed'
            when 'connection lost' then 'reset'
            when 'no sign of life' then 'silent'
            when 'stopped reading' then 'stalled'
            else 'server'
        end)
where kind = 'disconnected'
  and detail ->> '$.why' is not null
  and detail ->> '$.why' not in ('closed', 'reset', 'silent', 'stalled', 'rate', 'server');
