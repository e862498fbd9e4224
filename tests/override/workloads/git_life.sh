# A repository from birth to archive, with fixed names and dates so that every hash is the same.
set -eu
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org
export GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org
day=0
commit() {
  day=$((day + 1))
  export GIT_AUTHOR_DATE="2020-01-01T00:00:$(printf %02d $day) +0000"
  export GIT_COMMITTER_DATE="$GIT_AUTHOR_DATE"
  git add -A
  git commit -q -m "$1"
}
git init -q -b main repo
cd repo
git config core.fsmonitor false
git config gc.auto 0
git config pack.threads 2
for i in $(seq 1 60); do
  mkdir -p "dir$((i % 7))"
  seq "$i" $((i * 40)) >"dir$((i % 7))/file$i"
done
commit 'first files'
for round in 1 2 3 4 5 6; do
  for file in dir*/file*"$round"; do
    seq -f "round $round %g" 1 60 >>"$file"
  done
  commit "round $round"
done
git checkout -q -b side HEAD~3
sed -i 's/^5$/five/' dir*/file*
commit 'on the side'
git mv dir1 moved
commit 'moved'
git checkout -q main
git merge -q -m 'merged' side || { git checkout -q --theirs . && commit 'merged by hand'; }
git log --stat --format='%H %s' | cksum
git log --oneline | head -n 3
git blame -s dir2/file2 | cksum
git diff HEAD~4 -M | cksum
git grep -c five | head -n 3
git repack -q -a -d -f --depth=20 --window=20
git fsck --full --strict --no-progress
git count-objects -v | grep -v size
git archive --format=tar HEAD | cksum
git rev-parse HEAD
git bundle create -q ../all.bundle --all
rm -rf .git/objects/pack/* .git/objects/info/packs .git/logs
cd ..
git clone -q all.bundle copy 2>&1
git -C copy log --format=%H | cksum
# What threads pack depends on their timing.
rm -rf copy all.bundle
