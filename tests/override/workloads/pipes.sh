# Pipelines of small programs in a plain shell.
set -eu
i=0
while [ $i -lt 300 ]; do
  echo "line $i $((i * i % 97)) $((i * 7 % 13))"
  i=$((i + 1))
done >table
sort -k3,3n -k2,2 table | awk '{ s[$4] += $2; n++ } END { for (k in s) print k, s[k]; print n }' | sort -n
grep -c '9' table
sed -e 's/\(line\) \([0-9]*\)/\2-\1/' -e '/^1/d' table | tail -n 5
cut -d ' ' -f 2,4 table | tr ' ' ':' | paste -s -d , | fold -w 70 | head -n 3
find . -type f | sort | xargs cksum
join table table | wc -l
diff table /dev/null | tail -n 2
