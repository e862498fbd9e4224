# Strings, arrays, subshells and functions in bash.
set -euo pipefail
declare -A words
text=""
for ((i = 0; i < 4000; i++)); do
  word="w$((i * 7919 % 613))"
  words[$word]=$((${words[$word]:-0} + i))
  text+="$word "
done
for word in $(printf '%s\n' "${!words[@]}" | sort); do
  printf '%s=%s\n' "$word" "${words[$word]}"
done
echo "${#text}" "${text//w1/W-one-}" | cksum
fib() { if (($1 < 2)); then echo "$1"; else echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2))))); fi; }
fib 9
mapfile -t lines < <(seq 1 3000 | tac)
echo "${#lines[@]}" "${lines[0]}" "${lines[2999]}" "${lines[*]:100:5}"
for i in 1 2 3 4; do (
  x=$(printf '%*s' $((i * 10000)) '')
  echo "${#x}"
) & wait $!; done
