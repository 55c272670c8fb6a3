# SPDX-License-Identifier: Apache-2.0
# Completion of hookctl for fish; see hookctl.bash.
function __hookctl_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l option (string match -r -- '^--[a-z-]+=' "$word")
    for line in ($words[1] __complete $words[2..-1] "$word" 2>/dev/null)
        switch $line
            case :files
                printf '%s\n' "$option"(__fish_complete_path (string replace -- "$option" '' "$word"))
            case :directories
                printf '%s\n' "$option"(__fish_complete_directories (string replace -- "$option" '' "$word"))
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c hookctl -f -a '(__hookctl_complete)'
