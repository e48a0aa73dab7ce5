package settings

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
)

// The values of Alerts.TLS.
const (
	MailStartTLS = "starttls" // the mail server's connection is encrypted before anything is said
	MailTLS      = "tls"      // it is encrypted from the beginning
	MailPlain    = "none"     // it is not: only for a mail server on this machine
)

// Alerts is how e-mails to people of the authorities are sent. Without a host
// none are.
type Alerts struct {
	Host string `config:"host"`
	// Port is 0 for the usual one of TLS.
	Port int    `config:"port"`
	TLS  string `config:"tls"`
	// User and PasswordFile are for a mail server that asks who sends.
	User         string `config:"user"`
	PasswordFile string `config:"password_file"`
	// From is the address that e-mails come from.
	From string `config:"from"`
}

// On says whether e-mails are sent.
func (a Alerts) On() bool { return a.Host != "" }

func (s *Settings) validateAlerts() error {
	a := s.Alerts
	if !a.On() {
		if a.From != "" || a.User != "" || a.PasswordFile != "" {
			return errors.New("alerts has settings but no host: set alerts.host to the mail server, or remove them to send no e-mails")
		}
		return nil
	}
	from, err := mail.ParseAddress(a.From)
	switch {
	case strings.ContainsAny(a.Host, ":/ "):
		return errors.New("alerts.host must be the name or address of the mail server alone; its port is alerts.port")
	case a.Port < 0 || a.Port > 65535:
		return errors.New("alerts.port must be a number from 1 to 65535, or 0 for the usual one")
	case a.TLS != MailStartTLS && a.TLS != MailTLS && a.TLS != MailPlain:
		return fmt.Errorf("alerts.tls must be %s, %s or %s: correct it", MailStartTLS, MailTLS, MailPlain)
	case a.TLS == MailPlain && a.User != "":
		return fmt.Errorf("alerts.tls is %s, so the password would be sent in clear: use %s or %s, or remove alerts.user", MailPlain, MailStartTLS, MailTLS)
	case err != nil || from.Name != "":
		return errors.New("alerts.from must be an e-mail address alone, such as rollbridge@example.org")
	case (a.User == "") != (a.PasswordFile == ""):
		return errors.New("alerts.user and alerts.password_file belong together: set both, or neither for a mail server that asks for none")
	case s.Portal.URL == "":
		return errors.New("alerts.host is set, and the e-mails have no page to lead to: set portal.url to the address of the portal")
	}
	return nil
}
