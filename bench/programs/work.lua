-- What lua does in the benchmarks: tables of tables, strings that grow, closures, sorting and
-- patterns. Deterministic; prints a few totals.
local state = 12345
local function number(bound)
  state = (state * 1103515245 + 12345) % 2147483648
  return (state >> 8) % bound
end

local rounds = tonumber(arg[1])
local total = 0
local kept = {}
for round = 1, rounds do
  local records = {}
  for i = 1, 15000 do
    records[i] = {id = i, name = "person " .. number(3000), place = {x = number(1000), y = i},
                  visit = function(add) return i + add end}
  end
  local groups = {}
  for _, record in ipairs(records) do
    local key = record.name:sub(-2)
    groups[key] = groups[key] or {}
    table.insert(groups[key], record)
  end
  for _, list in pairs(groups) do
    table.sort(list, function(a, b)
      if a.name ~= b.name then return a.name < b.name end
      return a.id < b.id
    end)
    total = total + list[1].visit(round) + #list
  end
  local parts = {}
  for _, record in ipairs(records) do
    parts[#parts + 1] = record.name .. ":" .. record.place.x .. ("x"):rep(number(60))
    kept[number(20000)] = {record.name, round, parts[#parts]}
  end
  local text = table.concat(parts, "\n")
  for word in text:gmatch("person (%d+)") do total = total + #word end
  total = total + #text:gsub("x+", "y")
end
local count = 0
for key, value in pairs(kept) do count = count + key * #value[3] end
print(total, count)
