#!/bin/bash
# The demo: packs a real file of some 200 MB with pgzip, proves that gzip gets it back, and shows time, speed and size
# beside gzip's and pigz's on the same file, round by round in turn.
#
# usage: tests/demo.sh PGZIP; THREADS and ROUNDS set the number of each.
set -euo pipefail

pgzip=$(realpath "${1:?usage: demo.sh PGZIP}")
threads=${THREADS:-$(nproc)}
rounds=${ROUNDS:-3}
dir=$(realpath -m "$(dirname "$0")/../demo")
mkdir -p "$dir"
trap 'rm -rf "$dir"' EXIT
file=$dir/files.tar

echo "Making a tar archive of /usr/share and /usr/lib, cut at 192 MiB ..."
(tar -cf - /usr/share /usr/lib 2>/dev/null || true) | head -c 192M >"$file"
while [ "$(stat -c %s "$file")" -lt 100000000 ]; do
    cp "$file" "$file.again" && cat "$file.again" >>"$file" && rm "$file.again"
done
bytes=$(stat -c %s "$file")

# pack NAME COMMAND...: packs the file, adds the seconds to NAME.times.
pack() {
    local name=$1 begin end
    shift
    begin=$(date +%s%N)
    "$@" -c "$file" >"$dir/$name.gz"
    end=$(date +%s%N)
    echo $((end - begin)) >>"$dir/$name.times"
}

for round in $(seq "$rounds"); do
    echo "Round $round of $rounds ..."
    pack pgzip "$pgzip" -p "$threads"
    pack gzip gzip
    pack pigz pigz -p "$threads"
done

gzip -dc "$dir/pgzip.gz" | cmp - "$file"
echo "gzip -dc gives back every byte of what pgzip packed."
echo

# row LABEL NAME: the median time, and what follows from it.
row() {
    sort -n "$dir/$2.times" | sed -n "$(((rounds + 1) / 2))p" | awk -v label="$1" -v bytes="$bytes" \
        -v size="$(stat -c %s "$dir/$2.gz")" '{
            printf "%-12s %7.2f s %8.1f MB/s %10.2f MB %7.2f %%\n", label, $1 / 1e9, bytes * 1e3 / $1, size / 1e6, 100 * size / bytes
        }'
}
printf '%-12s %9s %13s %13s %9s   (%d bytes in; median of %d)\n' "" time speed size ratio "$bytes" "$rounds"
row "pgzip -p $threads" pgzip
row "pigz -p $threads" pigz
row gzip gzip
