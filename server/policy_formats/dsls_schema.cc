#include "server/policy_formats/dsls_schema.h"

namespace quorate::policy {

const char kDslsSchema[] = R"(<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
    xmlns="http://www.3DS.com/DSLS" targetNamespace="http://www.3DS.com/DSLS"
    elementFormDefault="qualified">
  <xs:simpleType name="id">
    <xs:restriction base="xs:positiveInteger">
      <xs:maxInclusive value="1000000"/>
    </xs:restriction>
  </xs:simpleType>
  <xs:complexType name="reference">
    <xs:attribute name="id" type="id" use="required"/>
  </xs:complexType>
  <xs:complexType name="named">
    <xs:simpleContent>
      <xs:extension base="xs:string">
        <xs:attribute name="id" type="id" use="required"/>
      </xs:extension>
    </xs:simpleContent>
  </xs:complexType>
  <xs:complexType name="range">
    <xs:simpleContent>
      <xs:extension base="xs:string">
        <xs:attribute name="id" type="id" use="required"/>
        <xs:attribute name="cidr" type="xs:string"/>
        <xs:attribute name="range" type="xs:string"/>
      </xs:extension>
    </xs:simpleContent>
  </xs:complexType>
  <xs:complexType name="group">
    <xs:sequence>
      <xs:element name="name" type="xs:string"/>
      <xs:choice>
        <xs:element name="user" type="reference" minOccurs="0"
            maxOccurs="unbounded"/>
        <xs:element name="host" type="reference" minOccurs="0"
            maxOccurs="unbounded"/>
        <xs:element name="iprange" type="reference" minOccurs="0"
            maxOccurs="unbounded"/>
        <xs:element name="project" type="reference" minOccurs="0"
            maxOccurs="unbounded"/>
        <xs:element name="feature" type="reference" minOccurs="0"
            maxOccurs="unbounded"/>
      </xs:choice>
    </xs:sequence>
    <xs:attribute name="id" type="id" use="required"/>
  </xs:complexType>
  <xs:complexType name="condition">
    <xs:choice>
      <xs:element name="user" type="reference" maxOccurs="unbounded"/>
      <xs:element name="usergroup" type="reference" maxOccurs="unbounded"/>
      <xs:element name="host" type="reference" maxOccurs="unbounded"/>
      <xs:element name="hostgroup" type="reference" maxOccurs="unbounded"/>
      <xs:element name="iprange" type="reference" maxOccurs="unbounded"/>
      <xs:element name="iprangegroup" type="reference" maxOccurs="unbounded"/>
      <xs:element name="project" type="reference" maxOccurs="unbounded"/>
      <xs:element name="projectgroup" type="reference" maxOccurs="unbounded"/>
      <xs:element name="application" type="xs:string" maxOccurs="unbounded"/>
      <xs:element name="version" type="xs:string" maxOccurs="unbounded"/>
      <xs:element name="display" type="xs:string" maxOccurs="unbounded"/>
      <xs:element name="time" type="xs:string" maxOccurs="unbounded"/>
    </xs:choice>
    <xs:attribute name="not" type="xs:boolean"/>
  </xs:complexType>
  <xs:simpleType name="type">
    <xs:restriction base="xs:string">
      <xs:enumeration value="Deny"/>
      <xs:enumeration value="Reserve"/>
      <xs:enumeration value="Limit"/>
      <xs:enumeration value="Allow"/>
      <xs:enumeration value="Idle"/>
      <xs:enumeration value="Linger"/>
      <xs:enumeration value="Borrow"/>
      <xs:enumeration value="NoBorrow"/>
      <xs:enumeration value="Priority"/>
    </xs:restriction>
  </xs:simpleType>
  <xs:simpleType name="each">
    <xs:restriction base="xs:string">
      <xs:enumeration value="User"/>
      <xs:enumeration value="Host"/>
    </xs:restriction>
  </xs:simpleType>
  <xs:simpleType name="seconds">
    <xs:restriction base="xs:unsignedInt">
      <xs:maxInclusive value="31622400"/>
    </xs:restriction>
  </xs:simpleType>
  <xs:simpleType name="units">
    <xs:restriction base="xs:unsignedInt"/>
  </xs:simpleType>
  <xs:complexType name="rule">
    <xs:sequence>
      <xs:element name="name" type="xs:string"/>
      <xs:element name="condition" type="condition" minOccurs="0"
          maxOccurs="unbounded"/>
    </xs:sequence>
    <xs:attribute name="type" type="type" use="required"/>
    <xs:attribute name="feature" type="xs:string"/>
    <xs:attribute name="featuregroup" type="id"/>
    <xs:attribute name="units" type="units"/>
    <xs:attribute name="lowWater" type="units"/>
    <xs:attribute name="maxPriority">
      <xs:simpleType>
        <xs:restriction base="xs:unsignedInt">
          <xs:maxInclusive value="9"/>
        </xs:restriction>
      </xs:simpleType>
    </xs:attribute>
    <xs:attribute name="span" type="seconds"/>
    <xs:attribute name="warning" type="seconds"/>
    <xs:attribute name="lend" type="xs:boolean"/>
    <xs:attribute name="each" type="each"/>
  </xs:complexType>
  <xs:element name="authorizations">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="users" minOccurs="0"><xs:complexType><xs:sequence>
          <xs:element name="user" type="named" minOccurs="0"
              maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="usergroups" minOccurs="0"><xs:complexType>
          <xs:sequence>
          <xs:element name="usergroup" type="group" minOccurs="0"
              maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="hosts" minOccurs="0"><xs:complexType><xs:sequence>
          <xs:element name="host" type="named" minOccurs="0"
              maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="hostgroups" minOccurs="0"><xs:complexType>
          <xs:sequence>
          <xs:element name="hostgroup" type="group" minOccurs="0"
              maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="ipranges" minOccurs="0"><xs:complexType>
          <xs:sequence>
          <xs:element name="iprange" type="range" minOccurs="0"
              maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="iprangegroups" minOccurs="0"><xs:complexType>
          <xs:sequence>
          <xs:element name="iprangegroup" type="group" minOccurs="0"
              maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="projects" minOccurs="0"><xs:complexType>
          <xs:sequence>
          <xs:element name="project" type="named" minOccurs="0"
              maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="projectgroups" minOccurs="0"><xs:complexType>
          <xs:sequence>
          <xs:element name="projectgroup" type="group" minOccurs="0"
              maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="features" minOccurs="0"><xs:complexType>
          <xs:sequence>
          <xs:element name="feature" type="named" minOccurs="0"
              maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="featuregroups" minOccurs="0"><xs:complexType>
          <xs:sequence>
          <xs:element name="featuregroup" type="group" minOccurs="0"
              maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="rules" minOccurs="0"><xs:complexType><xs:sequence>
          <xs:element name="rule" type="rule" minOccurs="0"
              maxOccurs="unbounded"/>
          </xs:sequence>
          <xs:attribute name="ignoreCase" type="xs:boolean"/>
        </xs:complexType></xs:element>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
</xs:schema>
)";

}  // namespace quorate::policy
