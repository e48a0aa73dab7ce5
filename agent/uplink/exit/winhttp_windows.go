package exit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	win "golang.org/x/sys/windows"

	"rollbridge/shared/version"
)

// winhttp.dll, as documented under learn.microsoft.com/windows/win32/api/winhttp.
var (
	winhttp         = win.NewLazySystemDLL("winhttp.dll")
	machineProxy    = winhttp.NewProc("WinHttpGetDefaultProxyConfiguration")
	openSession     = winhttp.NewProc("WinHttpOpen")
	setTimeouts     = winhttp.NewProc("WinHttpSetTimeouts")
	proxyForURL     = winhttp.NewProc("WinHttpGetProxyForUrl")
	closeHandle     = winhttp.NewProc("WinHttpCloseHandle")
	globalFree      = win.NewLazySystemDLL("kernel32.dll").NewProc("GlobalFree")
	detectionFailed = []syscall.Errno{
		12180, // ERROR_WINHTTP_AUTODETECTION_FAILED: nothing in the network names a script
		12178, // ERROR_WINHTTP_AUTO_PROXY_SERVICE_ERROR: the service that would look is off
		12007, // ERROR_WINHTTP_NAME_NOT_RESOLVED
	}
)

// proxyInfo is WINHTTP_PROXY_INFO.
type proxyInfo struct {
	access uint32
	proxy  *uint16
	bypass *uint16
}

// autoOptions is WINHTTP_AUTOPROXY_OPTIONS.
type autoOptions struct {
	flags     uint32
	detect    uint32
	url       *uint16
	_         uintptr
	_         uint32
	autoLogon int32
}

const (
	accessNoProxy = 1 // WINHTTP_ACCESS_TYPE_NO_PROXY
	accessNamed   = 3 // WINHTTP_ACCESS_TYPE_NAMED_PROXY
	autoDetect    = 1 // WINHTTP_AUTOPROXY_AUTO_DETECT
	byDHCPAndDNS  = 3 // WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A
)

// detectedFor is how long the answer of a search of the network is kept: one
// that finds nothing takes seconds.
const detectedFor = 10 * time.Minute

// windows are the machine's own settings. A service has no others: those of
// Internet Explorer and of the Settings app belong to a user.
type windows struct {
	mu       sync.Mutex
	address  string
	at       time.Time
	detected choice
	found    bool
}

func (w *windows) ask(ctx context.Context, address string) (choice, bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || loopback(address) || machineProxy.Find() != nil {
		return choice{}, false, nil
	}
	if c, found := machine(host); found {
		return c, true, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.address == address && time.Since(w.at) < detectedFor {
		return w.detected, w.found, nil
	}
	type answer struct {
		c     choice
		found bool
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		c, found, err := detect("https://" + address + "/")
		done <- answer{c, found, err}
	}()
	select {
	case <-ctx.Done():
		return choice{}, false, ctx.Err()
	case a := <-done:
		if a.err == nil {
			w.address, w.at, w.detected, w.found = address, time.Now(), a.c, a.found
		}
		return a.c, a.found, a.err
	}
}

// machine is the proxy that `netsh winhttp set proxy`, or a policy, names.
func machine(host string) (choice, bool) {
	var info proxyInfo
	if ok, _, _ := machineProxy.Call(uintptr(unsafe.Pointer(&info))); ok == 0 {
		return choice{}, false
	}
	proxies, bypass := info.take()
	if info.access != accessNamed {
		return choice{}, false
	}
	return fromList(choice{source: FromWindows, why: "the proxy of this machine (netsh winhttp show proxy)"}, proxies, bypass, host), true
}

// detect lets Windows look for a script in the network (WPAD) and run it.
func detect(url string) (choice, bool, error) {
	c := choice{source: FromWPAD, why: "the script that Windows found in the network (WPAD)"}
	agent, err := win.UTF16PtrFromString("rollbridge-agent/" + version.Version)
	if err != nil {
		return c, false, err
	}
	target, err := win.UTF16PtrFromString(url)
	if err != nil {
		return c, false, err
	}
	session, _, err := openSession.Call(uintptr(unsafe.Pointer(agent)), accessNoProxy, 0, 0, 0)
	if session == 0 {
		return c, false, fmt.Errorf("open WinHTTP: %w", err)
	}
	defer func() { _, _, _ = closeHandle.Call(session) }()
	limit := uintptr(fetchTime.Milliseconds())
	_, _, _ = setTimeouts.Call(session, limit, limit, limit, limit)
	options := autoOptions{flags: autoDetect, detect: byDHCPAndDNS, autoLogon: 1}
	var info proxyInfo
	ok, _, err := proxyForURL.Call(session, uintptr(unsafe.Pointer(target)), uintptr(unsafe.Pointer(&options)), uintptr(unsafe.Pointer(&info)))
	if ok == 0 {
		for _, e := range detectionFailed {
			if errors.Is(err, e) {
				return choice{}, false, nil
			}
		}
		return c, true, &Fault{Kind: BadScript, err: err, Text: fmt.Sprintf("Windows found a script that names the proxy (WPAD) and cannot use it (%v)", err),
			Hint: "ask whoever looks after the school's proxy, or name the proxy in uplink.proxy"}
	}
	proxies, bypass := info.take()
	if info.access != accessNamed {
		c.hops = []hop{direct}
		return c, true, nil
	}
	host := strings.TrimSuffix(strings.TrimPrefix(url, "https://"), "/")
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return fromList(c, proxies, bypass, host), true, nil
}

// take copies the texts and gives their memory back.
func (p *proxyInfo) take() (proxy, bypass string) {
	proxy, bypass = win.UTF16PtrToString(p.proxy), win.UTF16PtrToString(p.bypass)
	for _, s := range []*uint16{p.proxy, p.bypass} {
		if s != nil {
			_, _, _ = globalFree.Call(uintptr(unsafe.Pointer(s)))
		}
	}
	p.proxy, p.bypass = nil, nil
	return proxy, bypass
}
