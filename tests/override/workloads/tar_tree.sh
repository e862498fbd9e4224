# Archives the tree in several formats, lists, extracts, compares.
set -eu
options='--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner'
for format in gnu pax ustar; do
  extra=
  if [ $format = pax ]; then extra='--pax-option=exthdr.name=%d/x/%f,delete=atime,delete=ctime'; fi
  tar $options $extra --format=$format -cf $format.tar tree
done
tar -tvf gnu.tar | cksum
mkdir out
tar -xf gnu.tar -C out
diff -r tree out/tree
gzip -n -c gnu.tar | gzip -d | cmp - gnu.tar
bzip2 -c pax.tar | cksum
