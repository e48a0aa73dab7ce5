package supervise

import (
	"fmt"
	"net"
)

// notifySocket is the variable in which systemd names where it listens.
const notifySocket = "NOTIFY_SOCKET"

// notify sends a message of sd_notify(3) to where systemd listens; to nowhere
// it sends nothing. An address that begins with @ is an abstract one, as
// package net has it too.
func notify(address, state string) error {
	if address == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	return nil
}
