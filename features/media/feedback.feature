@media
Feature: Feedback
  A phone that lost a picture asks for a whole one: by RTCP where its leg has the feedback profiles (RFC 4585, RFC 5104), by INFO where
  it has not (RFC 5168). Between two legs that differ b2bua turns one into the other, and no feedback reaches a leg without the profile.

  Scenario: neither leg has feedback: the wish by INFO passes
    Given b2bua runs between the softphones
      | name    | video     |
      | marie   | VP8/90000 |
      | pauline | VP8/90000 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline see each other
    When marie asks for a whole picture by INFO
    Then pauline was asked for a whole picture 0 times by RTCP and 1 time by INFO
    And marie may not send a PLI
    When pauline asks for a whole picture by INFO
    Then marie was asked for a whole picture 0 times by RTCP and 1 time by INFO
