@calls
Feature: A running encryption stays
  Decision 10: media of an encrypted leg is never sent or accepted in clear, whatever is offered later.

  @no-downgrade
  Scenario: an offer in clear on an encrypted leg is refused
    Given b2bua runs between alice and bob with
      | setting                                       | value   |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes .* |
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When bob sends a re-INVITE with the offer audio
    Then bob's re-INVITE is answered 488
    And bob's call is still up
    When bob sends an UPDATE with the offer audio
    Then bob's UPDATE is answered 488
    When bob sends a re-INVITE with the offer audio sdes AES_CM_128_HMAC_SHA1_80
    Then bob's re-INVITE is answered 200 with SDP
    And the answer to bob's request is
      | stream | encryption | suites                  | profile  |
      | audio  | sdes       | AES_CM_128_HMAC_SHA1_80 | RTP/SAVP |
    And b2bua's answer to bob is newer than its first one
    And b2bua's descriptions for bob are versions of one session
    When alice hangs up
    Then bob's call is released
    And the file "log/flexisip-b2bua.log" contains "released after"
    And no key is in the file "log/flexisip-b2bua.log"
