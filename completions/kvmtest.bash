# Completion of kvmtest and kvmsh for bash: the programs themselves say what can stand where.
_kvmtest() {
	local IFS=$'\n'
	# The program as it was typed (./kvmtest), and words up to the cursor.
	COMPREPLY=($("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
	# A format is followed by its file's name.
	[[ ${COMPREPLY[0]-} != *[:=] ]] || compopt -o nospace 2>/dev/null
	# Of `--option=value` bash replaces only what stands behind the sign.
	[[ ${COMP_WORDS[COMP_CWORD]} == -* ]] || COMPREPLY=("${COMPREPLY[@]##--*=}")
}
complete -o bashdefault -o default -F _kvmtest kvmtest kvmsh
