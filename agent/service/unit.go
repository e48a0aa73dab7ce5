package service

import (
	"fmt"
	"strings"

	"rollbridge/agent/slot"
)

// unit is the systemd unit of a service. What it may do beyond its own
// directory and the one for versions, without which it does all the same, is reading files, for the MIS's exports and certificates, and going
// out over IP; see systemd.exec(5) for each word.
func unit(s Setup) string {
	command := make([]string, 0, 8)
	for _, a := range append([]string{s.Program}, s.arguments()...) {
		command = append(command, quoted(strings.ReplaceAll(a, "$", "$$")))
	}
	memory := "MemoryMax=1G\n"
	if s.Schools {
		memory = ""
	}
	return `# Made by "rollbridge-agent service install"; changes belong into "systemctl edit ` + Name + `".
[Unit]
Description=` + displayName + `
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=` + strings.Join(command, " ") + `
User=` + s.Account + `
Restart=always
RestartSec=10
TimeoutStartSec=60
TimeoutStopSec=60
KillMode=mixed
UMask=0077
` + memory + `TasksMax=1024
LimitCORE=0

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths=` + quoted(s.Dir) + ` ` + quoted("-"+slot.Beside(s.Program).Path) + `
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateMounts=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RemoveIPC=yes
KeyringMode=private
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`
}

// quoted is one word of a unit file, systemd.syntax(7), with the specifiers of
// systemd.unit(5) taken literally. The caller has refused control characters.
func quoted(s string) string {
	s = strings.ReplaceAll(s, "%", "%%")
	if !strings.ContainsAny(s, " \t\"'\\;") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// words undoes quoted for a line of them.
func words(line string) (found []string, err error) {
	var b strings.Builder
	inside, begun := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			inside, begun = !inside, true
		case c == ' ' && !inside:
			if begun {
				found = append(found, b.String())
			}
			b.Reset()
			begun = false
		case c == '\\' && inside && i+1 < len(line), c == '%' && i+1 < len(line), c == '$' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		default:
			begun = true
			b.WriteByte(c)
		}
	}
	if inside {
		return nil, fmt.Errorf("read %q: a quote is not closed", line)
	}
	if begun {
		found = append(found, b.String())
	}
	return found, nil
}

// valueOf is what a unit sets a word to, "" if it does not.
func valueOf(unit, word string) string {
	for line := range strings.Lines(unit) {
		if v, found := strings.CutPrefix(line, word+"="); found {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
