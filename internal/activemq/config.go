package activemq

const logging = `log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c %m%n
`

// config syncs every write to the disk.
const config = `<beans xmlns="http://www.springframework.org/schema/beans" xmlns:amq="http://activemq.apache.org/schema/core"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
  http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="test" useJmx="false" persistent="true" dataDirectory="@DIR@/data"
          schedulePeriodForDestinationPurge="0">
    <destinationPolicy><policyMap><policyEntries>
      <policyEntry queue=">"><deadLetterStrategy><individualDeadLetterStrategy queuePrefix="DLQ." useQueueForQueueMessages="true"/></deadLetterStrategy></policyEntry>
    </policyEntries></policyMap></destinationPolicy>
    <persistenceAdapter><kahaDB directory="@DIR@/data/kahadb" journalDiskSyncStrategy="always"/></persistenceAdapter>
    <plugins>
      <simpleAuthenticationPlugin anonymousAccessAllowed="false"><users>
        <authenticationUser username="foo" password="bar" groups="myapp,users"/>
        <authenticationUser username="nobody" password="nope" groups="users"/>
        <authenticationUser username="admin" password="adminpw" groups="admins,users"/>
      </users></simpleAuthenticationPlugin>
      <authorizationPlugin><map><authorizationMap><authorizationEntries>
        <authorizationEntry queue=">" read="admins" write="admins" admin="admins"/>
        <authorizationEntry topic=">" read="admins" write="admins" admin="admins"/>
        <authorizationEntry queue="myapp.>" read="myapp" write="myapp" admin="myapp"/>
        <authorizationEntry topic="myapp.>" read="myapp" write="myapp" admin="myapp"/>
        <authorizationEntry topic="VirtualTopic.myapp.>" read="myapp" write="myapp" admin="myapp"/>
        <authorizationEntry queue="Consumer.*.VirtualTopic.myapp.>" read="myapp" write="myapp" admin="myapp"/>
        <authorizationEntry topic="ActiveMQ.Advisory.>" read="users" write="users" admin="users"/>
      </authorizationEntries></authorizationMap></map></authorizationPlugin>
    </plugins>
    <systemUsage><systemUsage sendFailIfNoSpace="false">
      <memoryUsage><memoryUsage limit="128 mb"/></memoryUsage>
      <storeUsage><storeUsage limit="2 gb"/></storeUsage>
      <tempUsage><tempUsage limit="256 mb"/></tempUsage>
    </systemUsage></systemUsage>
    <transportConnectors>
      <transportConnector name="stomp" uri="stomp://127.0.0.1:@PORT@?transport.hbGracePeriodMultiplier=1.5&amp;wireFormat.maxFrameSize=@FRAME@"/>
    </transportConnectors>
  </broker>
</beans>
`
