#!/bin/sh
# Write docker.1 from what the program says of itself, so that the page cannot fall behind:
#	docs/man/generate.sh build/docker > docs/man/docker.1
docker=${1:?usage: generate.sh DOCKER}
escape='s/\\/\\e/g; s/-/\\-/g; s/^\([.'"'"']\)/\\\&\1/'

# "  -d, --detach list   Help" lines as tagged paragraphs; lines of another shape end the list.
options() {
	sed -n 's/^ \{2,6\}\(-[^ ].*\)$/\1/p' | sed "$escape" |
	awk '{ i = match($0, /   +/); if (!i) next; print ".TP\n\\fB" substr($0, 1, i - 1) "\\fR\n" substr($0, i + RLENGTH) }'
}

cat <<END
.TH DOCKER 1 "" "docker $("$docker" -v | sed 's/.*version \([^, ]*\).*/\1/')" "User Commands"
.SH NAME
docker \- run containers, and the daemon that keeps them
.SH SYNOPSIS
.B docker
[\fIOPTIONS\fR] \fICOMMAND\fR [\fIARG\fR...]
.br
.B docker \-d
[\fIOPTIONS\fR]
.SH DESCRIPTION
With \fB\-d\fR it is the daemon; any other command line is a client that talks to one, over the unix
socket \fI/var/run/docker.sock\fR or over TCP. Flags may be given as \fB\-d\fR, \fB\-\-detach\fR,
\fB\-\-name web\fR, \fB\-\-name=web\fR, \fB\-t=true\fR, and several short ones as one: \fB\-it\fR.
Long flags with one dash, as early versions had them, still work and warn.
.SH OPTIONS
END
"$docker" --help 2>&1 | sed '/^Commands:/,$d' | options
# The first words of a list that begins with this line.
words() {
	sed -n "/^$1:/,/^\$/s/^  \([a-z]*\) .*/\1/p"
}

section() {
	help=$("$docker" help "$@")
	# A command that is called under another name, too, has its place there.
	case $help in "Usage:  docker $*" | "Usage:  docker $* "* | "Usage:  docker $*
"*) ;; *) return ;; esac
	printf '%s\n' "$help" | sed -n '1s/^Usage:  //p' | sed "$escape; s/^/.SS /"
	printf '%s\n' "$help" | sed -n 3p | sed "$escape; s/\$/./"
	printf '%s\n' "$help" | sed -n '/^Aliases:/{n;s/^ */Also: /;p;}' | sed "$escape; s/^/.br\n/; s/\$/./"
	printf '%s\n' "$help" | sed '1,/^Options:/d' | options
}

echo '.SH COMMANDS'
"$docker" help | words Commands | while read -r c; do section "$c"; done
"$docker" help | words 'Management Commands' | while read -r group; do
	"$docker" help "$group" | words Commands | while read -r c; do section "$group" "$c"; done
done
cat <<'END'
.SH ENVIRONMENT
.TP
\fBDOCKER_HOST\fR
Daemon to talk to, instead of \fB\-H\fR.
.TP
\fBDOCKER_API_VERSION\fR
Version of the API to ask for, such as 1.41. Without it an older daemon's own is used.
.TP
\fBDOCKER_CONFIG\fR
Folder of \fIconfig.json\fR, with the passwords for registries; default \fI~/.docker\fR.
.TP
\fBDEBUG\fR
Log what is done.
.SH EXIT STATUS
\fBrun\fR, \fBexec\fR, \fBstart \-a\fR and \fBattach\fR end with the status of the process, 128+n when
signal n killed it. 125: docker itself failed, or a flag is wrong; 126: the command cannot be
invoked; 127: it was not found. Other commands: 0, or 1 when something failed.
END
