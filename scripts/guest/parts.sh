# What the scripts that build guests share: the cache by content, packages, programs, kernel
# modules, the kernel. Sourced by them, after `name` (of the guest), `here` (this directory) and
# `parts` (the guest's own files) are set.

export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin

fail() {
	echo "$name: $*" >&2
	exit 1
}

# The Debian release of the guest, and where apt's knowledge of it lies when it is not this
# machine's own.
machine_suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
suite=${KVM_GUEST_RELEASE:-$machine_suite}
[[ ! ${KVM_GUEST_RELEASE:-} || $suite =~ ^[a-z]+$ ]] || fail "KVM_GUEST_RELEASE: '$suite' is no name of a Debian release, such as trixie"
store=${KVMTEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/kvmtest}
own_apt=
[[ $suite == "$machine_suite" ]] || own_apt=$store/apt/$suite

# begin OUTDIR INPUT FILE...: where the guest goes, what else than the scripts shapes it, and the
# files it consists of. Ends the script when they are there and up to date; else sets work, a
# directory that ends with the script. The first line of OUTDIR/key tells by which scripts they were
# made and which apt lists these saw, the second line by which package versions. Asking apt for
# versions takes 0.5 s: only when its lists have changed.
begin() {
	[[ $(uname -m) == x86_64 ]] || fail "only x86_64 is supported, not $(uname -m)"
	# A state directory that is not there yet is its owner's alone.
	[[ $1 != */guest/* ]] || mkdir -p -m 700 -- "${1%/guest/*}" || fail "cannot make $1"
	mkdir -p -- "$1" || fail "cannot make $1"
	out=$(cd -- "$1" && pwd)
	cache=$store/debs
	products=("${@:3}")

	local product complete=yes
	scripts=$({
		cat "$here/$name" "${BASH_SOURCE[0]}"
		find "$parts" "$here/inside" -type f | sort | xargs cat
		printf '%s\n' "$suite" "$2"
	} | sha256sum)
	scripts=${scripts%% *}
	look_at_lists
	old_seen='' old_versions=''
	for product in "${products[@]}"; do
		[[ -s $out/$product ]] || complete=
	done
	if [[ $complete && -r $out/key ]]; then
		{
			read -r old_seen
			read -r old_versions
		} <"$out/key" || :
		[[ $old_seen != "$seen" ]] || exit 0
	fi
	if [[ $complete ]] && ! command -v apt-get >/dev/null; then
		echo "$name: no apt-get here, so the guest in $out stays as it is"
		exit 0
	fi
	work=$(mktemp -d "$out/.$name.XXXXXX")
	trap 'rm -rf -- "$work"' EXIT
}

# look_at_lists: sets seen to what scripts and apt's lists of packages there are.
look_at_lists() {
	local lists folder
	lists=$(for folder in /var/lib/apt/lists ${own_apt:+"$own_apt/state/lists"}; do
		stat -c '%n %Y' "$folder" "$folder"/*Packages* "$folder"/*InRelease 2>/dev/null || :
	done | sha256sum)
	seen="$scripts ${lists%% *}"
}

# read_archive: from here on apt answers for the guest's release. Its lists of another release than
# the machine's own are kept beside the downloads, as new as the machine's where the network lets
# them.
read_archive() {
	[[ $own_apt ]] || return 0
	mkdir -p -- "$own_apt"/{state/lists,cache} || fail "cannot make $own_apt"
	archive_sources >"$own_apt/sources.list"
	: >"$own_apt/state/status"
	cat >"$own_apt/apt.conf" <<-end
		Dir::Etc::sourcelist "$own_apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::State "$own_apt/state";
		Dir::State::status "$own_apt/state/status";
		Dir::Cache "$own_apt/cache";
		APT::Sandbox::User "root";
	end
	export APT_CONFIG=$own_apt/apt.conf
	[[ ! $own_apt/updated -nt /var/lib/apt/lists ]] || return 0
	echo "$name: asking the archive for its packages of $suite"
	if apt-get -qq -o APT::Update::Error-Mode=any update >"$work/log" 2>&1; then
		touch "$own_apt/updated"
	elif [[ -e $own_apt/updated ]]; then
		echo "$name: cannot reach the archive of $suite; going on with what it had" >&2
	else
		fail "cannot read the archive of KVM_GUEST_RELEASE=$suite: $(grep -m1 '^E:' "$work/log" || tail -n 1 "$work/log")"
	fi
	look_at_lists
}

# archive_sources: prints, for apt, the Debian archive that this machine's apt uses, and nothing
# else that it may know, with the guest's release in place of the machine's: trixie-security for
# bookworm-security or stable-security. Backports and the like are taken for the machine's own
# release alone.
archive_sources() (
	unset APT_CONFIG
	for keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
		[[ ! -r $keyring ]] || break
	done
	[[ -r $keyring ]] || fail "debian-archive-keyring is missing: run scripts/bootstrap guest-debian"
	all=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		sed -n "s,^Debian ,deb [signed-by=$keyring] ,p" | sort -u)
	[[ $all ]] || fail "apt knows no Debian archive: see /etc/apt (scripts/bootstrap runs apt-get update)"
	[[ ! $own_apt ]] || all=$(sed -En "s,( [^ ]+ )[a-z]+((-updates|-security)? [a-z-]+)\$,\1$suite\2,p" <<<"$all" | sort -u)
	echo "$all"
)

# need TOOL...: programs of this machine.
need() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null || fail "$tool is missing: run scripts/bootstrap ${group:-guest}"
	done
}

# find_kernel: sets kernel_package and release. The generic kernel: the cloud one has no 9p.
find_kernel() {
	kernel_package=$(apt-cache show linux-image-amd64 2>/dev/null | sed -n '/^Depends:/{s/^Depends: *\([^ ,]*\).*/\1/p;q}') || :
	[[ $kernel_package ]] || fail "apt knows no linux-image-amd64: run apt-get update as root (scripts/bootstrap does)"
	release=${kernel_package#linux-image-}
}

# read_packages FILE: a package a line, followed by the programs to take from it. Adds to names and
# sets files[package].
declare -A files
names=()
read_packages() {
	local package wanted
	while read -r package wanted; do
		[[ $package && $package != \#* ]] || continue
		files[$package]=$wanted
		names+=("$package")
	done <"$1"
	names=("${names[@]/#linux-image-amd64/$kernel_package}")
}

# choose [VERSION...]: sets debs to the files of names and of the libraries that they depend on.
# Further versions that shape the guest are arguments. Ends the script when the guest was made from
# just these.
choose() {
	local packages wanted deb
	mapfile -t packages < <(
		apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
			"${names[@]}" |
			awk -v names="${names[*]}" '
				/^[^ ]/ { package = $1 }
				/Depends: z?lib/ { libraries[package] = libraries[package] " " $2 }
				END {
					count = split(names, queue, " ")
					for (i = 1; i <= count; ++i) known[queue[i]] = 1
					for (i = 1; i <= count; ++i) {
						print queue[i]
						if (queue[i] ~ /^linux-image/) continue
						n = split(libraries[queue[i]], found, " ")
						for (j = 1; j <= n; ++j)
							if (!(found[j] in known)) { known[found[j]] = 1; queue[++count] = found[j] }
					}
				}'
	)
	debs=() lacking=()
	wanted=$(apt-get --print-uris download "${packages[@]}" 2>&1) ||
		fail "apt cannot find a package: $(grep -m1 '^E:' <<<"$wanted") (run apt-get update as root)"
	while read -r _ deb _; do
		[[ $deb == *.deb ]] || continue
		debs+=("$deb")
		[[ -s $cache/$deb ]] || lacking+=("${deb%%_*}")
	done < <(grep "^'" <<<"$wanted" | sort -k 2)
	versions=$(printf '%s\n' "${debs[@]}" "$@" | sha256sum)
	versions=${versions%% *}
	if [[ ${old_seen%% *} == "$scripts" && $old_versions == "$versions" ]]; then
		printf '%s\n' "$seen" "$versions" >"$out/key"
		exit 0
	fi
}

# keep_older REASON: a guest that is there is better than none when the network is away.
keep_older() {
	[[ $old_seen ]] || fail "$1"
	echo "$name: $1; keeping the older guest in $out" >&2
	exit 0
}

# fetch: downloads what the cache lacks of debs and unpacks all of them into $tree, in which bin,
# sbin, lib and lib64 are links as on every Debian, whether packages hold bin/ip or usr/bin/ip.
fetch() {
	local deb folder
	mkdir -p -- "$cache" || fail "cannot make $cache"
	if ((${#lacking[@]})); then
		echo "$name: downloading ${#lacking[@]} packages"
		mkdir "$work/debs"
		# The sandbox user _apt cannot write into a directory of ours: apt would only warn.
		(cd "$work/debs" && apt-get -qq -o APT::Sandbox::User=root download "${lacking[@]}") >"$work/log" 2>&1 ||
			keep_older "cannot download packages: $(grep -m1 '^E:' "$work/log")"
		mv -- "$work"/debs/*.deb "$cache"
	fi
	tree=$work/packages
	mkdir "$tree"
	for folder in bin sbin lib lib64; do
		mkdir -p "$tree/usr/$folder"
		ln -s "usr/$folder" "$tree/$folder"
	done
	for deb in "${debs[@]}"; do
		dpkg-deb --fsys-tarfile "$cache/$deb" | tar -x -C "$tree" --keep-directory-symlink --no-same-owner || fail "bad package, delete it and try again: $cache/$deb"
	done
}

# packaged PROGRAM ARGUMENT...: runs a program out of the packages, with their libraries.
packaged() {
	"$tree/lib64/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$tree/$libraries:$tree/usr/$libraries" "$tree/$1" "${@:2}"
}

# begin_initrd DIRECTORY: an empty root file system in $root. One folder of programs, which every
# usual path leads to.
begin_initrd() {
	root=$1
	libraries=lib/x86_64-linux-gnu
	mkdir -p "$root"/{bin,dev,etc,proc,sys,root,run,tmp,var/lib/misc,lib64,$libraries,lib/modules}
	ln -s bin "$root/sbin"
	ln -s . "$root/usr"
	ln -s ../run "$root/var/run"
	cp -L "$tree/lib64/ld-linux-x86-64.so.2" "$root/lib64/"
}

# take PROGRAM...: from the packages into $root, with the libraries that they need: their own
# dynamic loader says which.
take() {
	local program library
	for program; do
		[[ -f $tree/$program ]] || fail "the package lists no $program: correct $parts/packages"
		cp -L "$tree/$program" "$root/bin/"
		while read -r library; do
			[[ $library == "$tree"/* ]] || fail "no package of the list holds the library ${library%% *} that $program needs"
			cp -nL "$library" "$root/$libraries/"
		done < <("$tree/lib64/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$tree/$libraries:$tree/usr/$libraries" \
			--list "$tree/$program" 2>&1 | sed -n 's/.*=> *\(.*\) (0x.*/\1/p; s/^.*: error while loading shared libraries: \([^:]*\):.*/\1/p')
	done
}

# take_listed: the programs of read_packages, and busybox for what else one types. (Word) in the
# list is no program.
take_listed() {
	local package file applet
	for package in "${!files[@]}"; do
		for file in ${files[$package]}; do
			[[ $file == \(*\) ]] || take "$file"
		done
	done
	for applet in $("$root/bin/busybox" --list); do
		[[ -e $root/bin/$applet ]] || ln -s busybox "$root/bin/$applet"
	done
}

# add_modules FILE: the modules it lists, with those that they depend on, into $root.
add_modules() {
	local all=$tree/lib/modules/$release module path
	depmod -b "$tree" "$release"
	for module in $(grep -v '^#' "$1"); do
		echo "${module//-/_}"
	done | sort -u >"$work/modules"
	awk -v wanted="$work/modules" '
		function name(path) { gsub(/^.*\/|\.ko.*$/, "", path); gsub(/-/, "_", path); return path }
		function add(path,   i, n, needed) {
			if (path in done) return
			done[path] = 1
			print path
			n = split(needs[path], needed, " ")
			for (i = 1; i <= n; ++i) add(needed[i])
		}
		FILENAME ~ /builtin$/ { builtin[name($1)] = 1; next }
		{ path = substr($1, 1, length($1) - 1); paths[name(path)] = path; $1 = ""; needs[path] = $0 }
		END {
			while ((getline module <wanted) > 0)
				if (module in paths) add(paths[module])
				else if (!(module in builtin)) { print "no module " module >"/dev/stderr"; exit 1 }
		}' "$all/modules.builtin" "$all/modules.dep" >"$work/paths" || fail "the kernel lacks a module: correct $1"
	mkdir "$root/lib/modules/$release"
	# Unpacked, for the guest's processor may be an emulated one.
	while read -r path; do
		mkdir -p "$root/lib/modules/$release/${path%/*}"
		case $path in
		*.xz) xz -dc "$all/$path" >"$root/lib/modules/$release/${path%.xz}" ;;
		*) cp "$all/$path" "$root/lib/modules/$release/$path" ;;
		esac
	done <"$work/paths"
	cp "$all"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$release/"
	depmod -b "$root" "$release"
	rm -f "$root/lib/modules/$release"/modules.{*.bin,symbols,devname,order,builtin,builtin.modinfo,softdep}
	install -D -m 644 "$here/inside/links.conf" "$root/etc/modprobe.d/links.conf"
}

# pack_initrd FILE: $root as an archive.
pack_initrd() {
	find "$root" -exec touch -h -d @0 {} +
	(cd "$root" && find . -mindepth 1 | sort | cpio -o -H newc --owner=+0:+0 --reproducible --quiet) >"$1"
}

# terminfo NAME: the file that describes the terminal. ncurses-base has it in /lib on Debian 12, in
# /usr/share on Debian 13.
terminfo() {
	local folder
	for folder in lib usr/share; do
		[[ ! -e $tree/$folder/terminfo/${1::1}/$1 ]] || { echo "$tree/$folder/terminfo/${1::1}/$1" && return; }
	done
	fail "the packages describe no terminal $1"
}

# unpack_kernel FILE: the kernel proper out of its compressed wrapping: a PVH kernel boots at once,
# where unpacking takes an emulated CPU seconds. The offsets are those of
# Documentation/arch/x86/boot.rst.
unpack_kernel() {
	local image=$tree/boot/vmlinuz-$release start size unpack=(xz -dcq)
	number() { od -An -t "u$2" -j "$1" -N "$2" "$image" | tr -d ' '; }
	start=$((($(number $((0x1f1)) 1) + 1) * 512 + $(number $((0x248)) 4)))
	size=$(($(number $((0x24c)) 4) - 4)) # the last four bytes tell the unpacked kernel's size
	[[ $(number $start 4) != $((0xfd2fb528)) ]] || unpack=(zstd -dcq) # RFC 8878, 3.1.1
	need "${unpack[0]}"
	tail -c +$((start + 1)) "$image" | head -c $size | "${unpack[@]}" >"$1" || :
	[[ $(head -c 4 "$1") == $'\x7fELF' ]] || fail "cannot unpack $image: compressed by neither xz nor zstd"
}

# finish: puts the products, made in $work, into OUTDIR.
finish() {
	local product
	printf '%s\n' "$seen" "$versions" >"$work/key"
	rm -f "$out/key"
	for product in "${products[@]}"; do
		mv "$work/$product" "$out/$product"
	done
	mv "$work/key" "$out/key"
}
