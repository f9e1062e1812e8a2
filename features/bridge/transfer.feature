@bridge
Feature: A bridged call is transferred
  Spec 4.6.3: the address that a transfer leads to becomes the one that the other domain knows, by the first provider that has one.

  Background:
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "out", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "nextProvider",
         "accountToUse": {"strategy": "FindInPool", "source": "{from}", "by": "alias"},
         "outgoingInvite": {"to": "sip:{incoming.to.user}@{account.uri.hostport}", "from": "{account.uri}"}},
        {"name": "in", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "nextProvider",
         "accountToUse": {"strategy": "FindInPool", "source": "{to}", "by": "uri"},
         "outgoingInvite": {"to": "{account.alias}", "from": "sip:{incoming.from.user}@{account.alias.hostport}"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:felix@jabiru.example.org", "alias": "sip:felix@flexisip.example.org"},
         {"uri": "sip:emilie@jabiru.example.org", "alias": "sip:emilie@flexisip.example.org"}]}}}
      """
    When alice invites bob with
      | header      | value                              |
      | Request-URI | sip:jasper@flexisip.example.org    |
      | From        | <sip:felix@flexisip.example.org>   |
      | To          | <sip:jasper@flexisip.example.org>  |
    Then trunk is invited
    When trunk accepts
    Then the call between alice and trunk is up

  @S-XFER-1 @S-XFER-2 @4.6.3
  Scenario Outline: <transferor> transfers <transferee> to <asked>
    When <transferor> sends a REFER to "<<asked>>"
    Then <transferor>'s REFER is answered 202
    And <transferor> is notified of "SIP/2.0 100 Trying", and the subscription goes on
    And <transferee> gets a REFER with
      | header      | value       |
      | Refer-To    | <<target>>  |
      | Referred-By | <<by>>      |
    When <transferee> answers the REFER 202
    And <transferee> notifies "<result>", and the subscription ends
    Then <transferor> is notified of "<told>", and the subscription ends
    When <transferor> hangs up
    Then <transferee>'s call is released

    Examples:
      | transferor | transferee | asked                           | target                          | by                              | result              | told                |
      | alice      | trunk      | sip:ruth@flexisip.example.org   | sip:ruth@jabiru.example.org     | sip:felix@jabiru.example.org    | SIP/2.0 200 OK      | SIP/2.0 200 Ok      |
      | trunk      | alice      | sip:emilie@jabiru.example.org   | sip:emilie@flexisip.example.org | sip:jasper@flexisip.example.org | SIP/2.0 200 OK      | SIP/2.0 200 Ok      |
      | alice      | trunk      | sip:ruth@flexisip.example.org   | sip:ruth@jabiru.example.org     | sip:felix@jabiru.example.org    | SIP/2.0 603 Decline | SIP/2.0 603 Decline |
      | trunk      | alice      | sip:nobody@jabiru.example.org   | sip:nobody@jabiru.example.org   | sip:jasper@flexisip.example.org | SIP/2.0 200 OK      | SIP/2.0 200 Ok      |

  @4.6.3 @2.12.4
  Scenario: the slot of the account is not asked for, and Replaces of an unknown dialog goes with the translated address
    When alice sends a REFER to "<sip:ruth@flexisip.example.org?Replaces=x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2>"
    Then alice's REFER is answered 202
    And trunk gets a REFER with
      | header   | value                                                                              |
      | Refer-To | <sip:ruth@jabiru.example.org?Replaces=x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2>           |
    And b2bua logs a message /leg A transfers the other one to sip:ruth@flexisip.example.org.*which is sip:ruth@jabiru.example.org.*there .provider "out", account sip:felix@jabiru.example.org./
