# Completion of kvmtest and kvmsh for fish: the programs themselves say what can stand where.
function __kvmtest_candidates
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l candidates ($words[1] __complete $words[2..] "$last" 2>/dev/null)
    if test (count $candidates) -gt 0
        printf '%s\n' $candidates
    else
        __fish_complete_path "$last"
    end
end
for program in kvmtest kvmsh
    complete -c $program -f -a '(__kvmtest_candidates)'
end
