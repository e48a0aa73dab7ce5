package tsql

import "strings"

func (p *parser) alterDatabase() Statement {
	s := &AlterDatabase{}
	if !p.words("CURRENT") {
		s.Name = p.identifier()
	}
	if p.words("MODIFY") {
		p.need("NAME")
		p.needSymbol("=")
		s.NewName = p.identifier()
		return s
	}
	p.need("SET")
	s.Option = p.take().upper
	switch s.Option {
	case "ALLOW_SNAPSHOT_ISOLATION", "READ_COMMITTED_SNAPSHOT":
		s.On = p.choice("ON", "OFF") == "ON"
	case "SINGLE_USER", "MULTI_USER":
	default:
		panic(refuse("ALTER DATABASE … SET %s", p.tokens[p.at-1].value))
	}
	if p.words("WITH") && !p.words("ROLLBACK", "IMMEDIATE") {
		p.need("NO_WAIT")
	}
	return s
}

func (p *parser) createLogin() Statement {
	s := &CreateLogin{Name: p.identifier()}
	if p.words("FROM") {
		if !p.words("WINDOWS") {
			panic(refuse("CREATE LOGIN … FROM %s", p.peek().upper))
		}
		s.Windows = true
		if p.words("WITH") {
			s.Options = p.loginOptions()
		}
		return s
	}
	p.need("WITH", "PASSWORD")
	s.Password, s.MustChange, _ = p.password()
	if p.symbol(",") {
		s.Options = p.loginOptions()
	}
	return s
}

// password reads = N'…' and the words that may follow it.
func (p *parser) password() (text string, mustChange, unlock bool) {
	p.needSymbol("=")
	if p.peek().kind == tokBinary {
		panic(refuse("a password that is hashed already"))
	}
	text = p.textLiteral()
	for {
		switch {
		case p.words("MUST_CHANGE"):
			mustChange = true
		case p.words("UNLOCK"):
			unlock = true
		default:
			return text, mustChange, unlock
		}
	}
}

func (p *parser) loginOptions() map[string]string {
	options := make(map[string]string)
	for {
		name := p.choice("DEFAULT_DATABASE", "DEFAULT_LANGUAGE", "CHECK_POLICY", "CHECK_EXPIRATION", "SID")
		p.needSymbol("=")
		t := p.take()
		switch t.kind {
		case tokWord:
			options[name] = t.value
			if t.upper == "ON" || t.upper == "OFF" {
				options[name] = t.upper
			}
		case tokQuoted:
			options[name] = t.value
		case tokBinary:
			if name != "SID" {
				p.at--
				p.unexpected()
			}
			options[name] = t.value
		default:
			p.at--
			p.unexpected()
		}
		if !p.symbol(",") {
			return options
		}
	}
}

func (p *parser) alterLogin() Statement {
	s := &AlterLogin{Name: p.identifier()}
	switch {
	case p.words("ENABLE"):
		on := true
		s.Enable = &on
		return s
	case p.words("DISABLE"):
		off := false
		s.Enable = &off
		return s
	}
	p.need("WITH")
	if p.words("PASSWORD") {
		s.Password, s.MustChange, s.Unlock = p.password()
		if p.words("OLD_PASSWORD") {
			panic(refuse("OLD_PASSWORD"))
		}
		if !p.symbol(",") {
			return s
		}
	}
	s.Options = p.loginOptions()
	return s
}

func (p *parser) createUser() Statement {
	s := &CreateUser{Name: p.identifier()}
	s.Login = s.Name
	switch {
	case p.words("FOR"), p.words("FROM"):
		if !p.words("LOGIN") {
			panic(refuse("CREATE USER … FOR %s", p.peek().upper))
		}
		s.Login = p.identifier()
	case p.words("WITHOUT", "LOGIN"):
		s.Login, s.WithoutLogin = "", true
	}
	if p.words("WITH") {
		if !p.words("DEFAULT_SCHEMA") {
			panic(refuse("CREATE USER … WITH %s", p.peek().upper))
		}
		p.needSymbol("=")
		s.DefaultSchema = p.identifier()
	}
	return s
}

func (p *parser) alterRole(server bool) Statement {
	s := &AlterRole{Role: p.identifier(), Server: server}
	if p.is("WITH") {
		panic(refuse("ALTER ROLE … WITH"))
	}
	s.Drop = p.choice("ADD", "DROP") == "DROP"
	p.need("MEMBER")
	s.Member = p.identifier()
	return s
}

// rights are the permissions that may be granted, of one word or several.
var rights = set(`SELECT INSERT UPDATE DELETE EXECUTE EXEC ALTER CONTROL REFERENCES CONNECT ALL
VIEW_DEFINITION TAKE_OWNERSHIP CREATE_TABLE CREATE_VIEW CREATE_PROCEDURE CREATE_SCHEMA
ALTER_ANY_SCHEMA ALTER_ANY_USER VIEW_SERVER_STATE VIEW_DATABASE_STATE VIEW_CHANGE_TRACKING`)

func (p *parser) permission() Statement {
	s := &Permission{Action: p.take().upper, Class: "DATABASE"}
	if s.Action == "REVOKE" && p.is("GRANT") {
		panic(refuse("REVOKE GRANT OPTION FOR"))
	}
	for {
		s.Rights = append(s.Rights, p.right())
		if p.isSymbol("(") {
			panic(refuse("columns before ON; write them after the object's name"))
		}
		if !p.symbol(",") {
			break
		}
	}
	if p.words("ON") {
		p.securable(s)
	}
	if s.Action != "REVOKE" || !p.words("FROM") {
		p.need("TO")
	}
	s.Users = []string{p.principal()}
	for p.symbol(",") {
		s.Users = append(s.Users, p.principal())
	}
	if p.is("WITH") || p.is("CASCADE") || p.is("AS") {
		panic(refuse("%s … %s", s.Action, p.peek().upper))
	}
	return s
}

// principal reads a user or role; public is reserved, and a role.
func (p *parser) principal() string {
	if p.words("PUBLIC") {
		return "public"
	}
	return p.identifier()
}

func (p *parser) right() string {
	var words []string
	for p.peek().kind == tokWord && !p.is("ON") && !p.is("TO") && !p.is("FROM") {
		words = append(words, p.take().upper)
	}
	if len(words) == 0 {
		p.unexpected()
	}
	if !rights[strings.Join(words, "_")] {
		panic(refuse("the permission %s", strings.Join(words, " ")))
	}
	if words[0] == "EXEC" {
		words[0] = "EXECUTE"
	}
	return strings.Join(words, " ")
}

func (p *parser) securable(s *Permission) {
	s.Class = "OBJECT"
	if t := p.peekAt(1); t.kind == tokSymbol && t.value == "::" {
		s.Class = p.choice("OBJECT", "SCHEMA", "DATABASE")
		p.at++
	}
	switch s.Class {
	case "SCHEMA":
		s.On = Name{Name: p.identifier()}
		return
	case "DATABASE":
		p.identifier()
		return
	}
	s.On = p.name()
	if p.isSymbol("(") {
		s.Columns = p.identifiers()
	}
}
