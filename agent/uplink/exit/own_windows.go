package exit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"github.com/alexbrainman/sspi"
)

// keytabs says whether Kerberos keys can be given as a file.
const keytabs = false

// own says whether a login can be made without a name: by Windows, for the
// account that the service runs as.
func (*Way) own(s Scheme) bool { return s == Kerberos || s == NTLM }

func (*Way) beginOwnNTLM(h hop) (login, error) { return newSSPI(h, sspi.NTLMSP_NAME, "", "") }

// beginKerberos lets Windows negotiate: Kerberos where the proxy is known to the
// domain, else NTLM.
func (w *Way) beginKerberos(_ context.Context, h hop) (login, error) {
	user, password := w.account(h)
	return newSSPI(h, sspi.NEGOSSP_NAME, user, password)
}

// An sspiLogin is a conversation that Windows leads. It uses the root package
// of the library only: the one for NTLM ends the program where NTLM is off.
type sspiLogin struct {
	hop         hop
	credentials *sspi.Credentials
	context     *sspi.Context
	target      *uint16
	size        uint32
	done        bool
}

func newSSPI(h hop, method, user, password string) (login, error) {
	about, err := sspi.QueryPackageInfo(method)
	if err != nil {
		return nil, windowsRefuses(h, err)
	}
	as, err := identityOf(user, password)
	if err != nil {
		return nil, err
	}
	credentials, err := sspi.AcquireCredentials("", method, sspi.SECPKG_CRED_OUTBOUND, (*byte)(unsafe.Pointer(as)))
	runtime.KeepAlive(as)
	if err != nil {
		return nil, windowsRefuses(h, err)
	}
	target, err := syscall.UTF16PtrFromString("HTTP/" + strings.ToLower(h.host()))
	if err != nil {
		_ = credentials.Release()
		return nil, fmt.Errorf("name the proxy to Windows: %w", err)
	}
	return &sspiLogin{hop: h, credentials: credentials, target: target, size: about.MaxToken,
		context: sspi.NewClientContext(credentials, sspi.ISC_REQ_CONNECTION)}, nil
}

// windowsRefuses is of a kind that lets another scheme be tried.
func windowsRefuses(h hop, err error) *Fault {
	why := err.Error()
	if code, ok := errors.AsType[syscall.Errno](err); ok {
		why = fmt.Sprintf("0x%08X", uint32(code))
	}
	return &Fault{Kind: NoTicket, err: err, Text: fmt.Sprintf("Windows makes no login for the proxy %s (%s)", h, why),
		Hint: "run the service as an account of the domain, or give uplink.proxy_user and uplink.proxy_password"}
}

func (l *sspiLogin) next(challenge []byte) ([]byte, error) {
	if l.done {
		return nil, nil
	}
	out := make([]byte, l.size)
	var in, made sspi.SecBuffer
	made.Set(sspi.SECBUFFER_TOKEN, out)
	var given *sspi.SecBufferDesc
	if challenge != nil {
		in.Set(sspi.SECBUFFER_TOKEN, challenge)
		given = sspi.NewSecBufferDesc([]sspi.SecBuffer{in})
	}
	buffers := []sspi.SecBuffer{made}
	into := sspi.NewSecBufferDesc(buffers)
	status := l.context.Update(l.target, into, given)
	switch status {
	case sspi.SEC_E_OK:
		l.done = true
	case sspi.SEC_I_CONTINUE_NEEDED:
	case sspi.SEC_I_COMPLETE_NEEDED, sspi.SEC_I_COMPLETE_AND_CONTINUE:
		if status := sspi.CompleteAuthToken(l.context.Handle, into); status != sspi.SEC_E_OK {
			return nil, windowsRefuses(l.hop, status)
		}
	default:
		return nil, windowsRefuses(l.hop, status)
	}
	if n := buffers[0].BufferSize; n > 0 {
		return out[:n], nil
	}
	return nil, nil
}

func (l *sspiLogin) end() {
	if l.context.Handle != nil {
		_ = l.context.Release()
	}
	_ = l.credentials.Release()
}

// identityOf is a name and a password as Windows takes them, nil for the account
// of the service.
func identityOf(user, password string) (*sspi.SEC_WINNT_AUTH_IDENTITY, error) {
	if user == "" {
		return nil, nil
	}
	domain, name, found := strings.Cut(user, `\`)
	if !found {
		domain, name = "", user // name@domain stays whole
	}
	var fields [3][]uint16
	for i, text := range []string{name, domain, password} {
		var err error
		if fields[i], err = syscall.UTF16FromString(text); err != nil {
			return nil, fmt.Errorf("give name and password to Windows: %w", err)
		}
	}
	return &sspi.SEC_WINNT_AUTH_IDENTITY{
		User: &fields[0][0], UserLength: uint32(len(fields[0]) - 1),
		Domain: &fields[1][0], DomainLength: uint32(len(fields[1]) - 1),
		Password: &fields[2][0], PasswordLength: uint32(len(fields[2]) - 1),
		Flags: sspi.SEC_WINNT_AUTH_IDENTITY_UNICODE,
	}, nil
}
