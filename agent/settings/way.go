package settings

import (
	"context"
	"errors"
	"net"
	"unicode"
	"unicode/utf8"

	"rollbridge/agent/mis"
	"rollbridge/agent/mis/rest"
	"rollbridge/agent/uplink"
	"rollbridge/agent/uplink/exit"
)

// Exit is how connections leave the school.
func (u Uplink) Exit() exit.Settings {
	return exit.Settings{Proxy: u.Proxy, PAC: u.PAC, Login: u.ProxyLogin, User: u.ProxyUser, Password: u.ProxyPassword,
		Keytab: u.ProxyKeytab, CAFile: u.CAFile}
}

// Carry lets a web interface be reached on the same way out of the school as
// the collector. What is wrong with a proxy is then worded as what is wrong with
// the MIS: package mis knows nothing of the uplink.
func (u Uplink) Carry(api *mis.API) error {
	way, roots, err := uplink.Way(u.Exit())
	if err != nil {
		return err
	}
	api.Roots = roots
	api.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := way.Dial(ctx, network, address)
		if fault, ok := errors.AsType[*exit.Fault](err); ok {
			return nil, &rest.WayError{Text: sentence(fault.Text) + " " + sentence(fault.Hint), Passing: fault.Passing()}
		}
		return conn, err
	}
	return nil
}

func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}
