// Puts the selector and the cluster label of the configuration into PromQL expressions.
local prefixes = ['batch_', 'job_status_exporter_'];
// Sets as objects, since std.member is slow.
local set(chars) = { [char]: true for char in std.stringChars(chars) };
local nameChars = set('abcdefghijklmnopqrstuvwxyz0123456789_');
local wordChars = nameChars + set('ABCDEFGHIJKLMNOPQRSTUVWXYZ');
local notBeforeFamily = wordChars + set('"$:');

// The length of the name at the start of `text`.
local nameLength(text) =
  local from(i) = if i < std.length(text) && text[i] in nameChars then from(i + 1) tailstrict else i;
  from(0);

local last(text) = text[std.length(text) - 1];

// Adds `selector` to each family in `expression`.
local select(expression, selector) =
  local addTo(text) =
    local length = nameLength(text);
    local name = text[:length];
    local rest = text[length:];
    if std.startsWith(rest, '{}') then name + '{' + selector + rest[1:]
    else if std.startsWith(rest, '{') then name + '{' + selector + ', ' + rest[1:]
    else name + '{' + selector + '}' + rest;
  local addToAll(expression, prefix) =
    local parts = std.split(expression, prefix);
    // `job_status_exporter_` may be a label value or a variable: a family follows none of these characters.
    local isFamily(i) = parts[i - 1] == '' || !(last(parts[i - 1]) in notBeforeFamily);
    parts[0] + std.join('', [
      prefix + (if isFamily(i) then addTo(parts[i]) else parts[i])
      for i in std.range(1, std.length(parts) - 1)
    ]);
  if selector == '' then expression else std.foldl(addToAll, prefixes, expression);

// Replaces the word `from`. A word ends at every other character.
local replaceWord(text, from, to) =
  local parts = std.split(text, from);
  local isWord(i) =
    (parts[i - 1] == '' || !(last(parts[i - 1]) in wordChars))
    && (parts[i] == '' || !(parts[i][0] in wordChars));
  parts[0] + std.join('', [(if isWord(i) then to else from) + parts[i] for i in std.range(1, std.length(parts) - 1)]);

{
  expression(text, config):: select(replaceWord(text, 'cluster', config.clusterLabel), config.jobStatusSelector),

  // A template of an alert. What is between backquotes is a format with an expression, which the template queries.
  template(text, config)::
    local escaped = config { jobStatusSelector: std.strReplace(super.jobStatusSelector, '%', '%%') };
    local parts = std.split(std.strReplace(text, '$labels.cluster', '$labels.' + config.clusterLabel), '`');
    std.join('`', [if i % 2 == 1 then $.expression(parts[i], escaped) else parts[i] for i in std.range(0, std.length(parts) - 1)]),

  // Rewrites the expressions, variables, legends and columns of a dashboard. Its variable `cluster` gets the name of the label.
  dashboard(value, config)::
    local rename(text) = replaceWord(text, 'cluster', config.clusterLabel);
    local
      walk(value) =
        if std.isArray(value) then std.map(walk, value)
        else if std.isObject(value) then {
          [if key == 'cluster' then config.clusterLabel else key]: field(key, value[key])
          for key in std.objectFields(value)
        }
        else value,
      field(key, value) =
        if !std.isString(value) then walk(value)
        else if std.member(['expr', 'definition', 'query'], key) then $.expression(value, config)
        else if std.member(['url', 'legendFormat'], key) || value == 'cluster' then rename(value)
        else value;
    walk(value),
}
