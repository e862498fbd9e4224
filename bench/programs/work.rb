# What ruby does in the benchmarks: strings, hashes of arrays, objects, regular expressions and
# sorting. Deterministic; prints a few totals.
Record = Struct.new(:id, :name, :tags, :note)

$state = 12_345
def number(bound)
  $state = ($state * 1_103_515_245 + 12_345) % 2_147_483_648
  ($state >> 8) % bound
end

rounds = Integer(ARGV[0])
total = 0
kept = {}
rounds.times do |round|
  records = Array.new(12_000) do |i|
    Record.new(i, "person #{number(3000)}", Array.new(number(4)) { "tag#{number(60)}" },
               'x' * number(200))
  end
  groups = Hash.new { |hash, key| hash[key] = [] }
  records.each { |record| record.tags.each { |tag| groups[tag] << record } }
  groups.keys.sort.each do |tag|
    best = groups[tag].sort_by { |record| [record.name, -record.id] }.first(30)
    total += best.sum { |record| record.id * record.note.size }
  end
  text = records.map { |record| "#{record.name};#{record.tags.join(',')}" }.join("\n")
  counts = text.scan(/tag\d+/).tally
  total += counts.values.max
  records.each { |record| kept[number(9000)] = "#{round}:#{record.name.upcase}#{record.note}" }
  total += text.gsub(/person (\d)/) { "p#{$1}" }.size
end
puts "#{total} #{kept.size} #{kept.sum { |key, value| key * value.size }}"
